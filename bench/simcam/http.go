package simcam

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"linkstart/bench/clip"
	"linkstart/bench/stamp"
)

// HTTPConfig says what a simulator of Motion JPEG cameras serves.
type HTTPConfig struct {
	Cameras       int  // 1 or more
	Width, Height int  // px
	Bytes         int  // size of a JPEG, about
	FPS           int  // pictures per second
	Tell          bool // each sending, so that Sent knows of it
	Port          int  // any free one where 0
}

// Role is the first argument that makes the program a simulator of Motion JPEG cameras: it must then call ServeHTTP.
const Role = "simulate-http-cameras"

const (
	pictures   = 64 // different ones, after which they repeat; with their marks none is ever the same
	writeLimit = 5 * time.Second
)

// StartHTTP runs a simulator, this same program in another process, until Stop.
func StartHTTP(ctx context.Context, conf HTTPConfig) (*Camera, error) {
	c := &Camera{conf: &conf, sends: make(map[int][]send)}
	c.setPort = func(port int) { conf.Port = port }
	c.address = func(port, camera int) string { return fmt.Sprintf("http://127.0.0.1:%d/camera/%d", port, camera) }
	c.build = func() (*exec.Cmd, error) {
		self, err := os.Executable()
		return exec.Command(self, Role), err
	}
	return c, c.start(ctx)
}

// ServeHTTP is the simulator: it reads an HTTPConfig as JSON from in, and serves until in ends.
func ServeHTTP(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read what to serve: %w", err)
	}
	s := &server{began: time.Now()}
	if err := json.Unmarshal(line, &s.conf); err != nil {
		return fmt.Errorf("read what to serve: %w", err)
	}
	if s.jpegs, err = clip.JPEGs(s.conf.Width, s.conf.Height, pictures, s.conf.Bytes); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.conf.Port))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /camera/{n}", s.camera)
	serve := &http.Server{Handler: mux, ReadHeaderTimeout: writeLimit, BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan error, 1)
	go func() { ended <- serve.Serve(ln) }()
	fmt.Fprintf(out, "port %d\n", ln.Addr().(*net.TCPAddr).Port)
	telling := make(chan struct{})
	go func() {
		defer close(telling)
		s.tell(ctx, out)
	}()
	_, _ = io.Copy(io.Discard, lines)
	cancel()
	_ = serve.Close()
	<-telling
	<-ended
	return nil
}

type server struct {
	conf  HTTPConfig
	jpegs [][]byte
	began time.Time
}

// due is when camera n sends picture k: the cameras take turns.
func (s *server) due(n, k int) time.Time {
	step := time.Second / time.Duration(s.conf.FPS)
	return s.began.Add(time.Duration(k)*step + step*time.Duration(n)/time.Duration(s.conf.Cameras))
}

// next is the first picture of camera n that is still to come.
func (s *server) next(n int) int {
	step := time.Second / time.Duration(s.conf.FPS)
	return max(int(time.Since(s.due(n, 0))/step)+1, 0)
}

// tell says when camera 0 sends which picture.
func (s *server) tell(ctx context.Context, out io.Writer) {
	for k := s.next(0); s.conf.Tell && sleepUntil(ctx, s.due(0, k)) == nil; k++ {
		fmt.Fprintf(out, "0 %d %d\n", k%len(s.jpegs), time.Now().UnixNano())
	}
}

func (s *server) camera(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n >= s.conf.Cameras {
		http.NotFound(w, r)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	stop := context.AfterFunc(r.Context(), func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"); err != nil {
		return
	}
	for k := s.next(n); sleepUntil(r.Context(), s.due(n, k)) == nil; k++ {
		if s.send(conn, k) != nil {
			return
		}
	}
}

// send writes one part with one system call. The mark is made at the last moment.
func (s *server) send(conn net.Conn, k int) error {
	jpeg := s.jpegs[k%len(s.jpegs)]
	head := fmt.Appendf(nil, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n\xff\xd8", len(jpeg)+stamp.MarkSize)
	_ = conn.SetWriteDeadline(time.Now().Add(writeLimit))
	mark := stamp.Mark(uint32(k), time.Now())
	parts := net.Buffers{head, mark[:], jpeg[2:], []byte("\r\n")}
	_, err := parts.WriteTo(conn)
	return err
}

func sleepUntil(ctx context.Context, at time.Time) error {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
