package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chrome starts a browser of its own for this test, with further options; it ends with the test.
func chrome(t *testing.T, further ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("no browser: install the package chromium")
	}
	// Not t.TempDir: the browser's helpers may write for a moment after it has ended.
	dir, err := os.MkdirTemp("", "linkstart-chrome-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eventually(t, "the browser lets go of its folder", func() error { return os.RemoveAll(dir) }) })
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.WSURLReadTimeout(patience), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-US"), chromedp.Flag("hide-scrollbars", true), chromedp.WindowSize(1280, 800),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(options, further...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start browser: %v", err)
	}
	return ctx
}

// look is how a page is opened: language as in Accept-Language, "" for English; width and height in px.
type look struct {
	language      string
	width, height int64
	phone, light  bool
	picture       float64 // device pixels per px, 0 for 1
}

// tab is one page in the browser with all that it has complained of.
type tab struct {
	t   *testing.T
	ctx context.Context
	*watchdog
}

// watchdog collects what a page must not do.
type watchdog struct {
	host       string
	mu         sync.Mutex
	complaints []string
	sockets    int // WebSockets opened since the page was loaded
	asks       map[uint16]ask
	addresses  []string // that were asked for
	changed    bool     // the network of this machine, while something was loaded
}

// ask is what a page wants to see on one stream.
type ask struct {
	Type, Camera, Room, Rendition string
	Stream                        uint16
	FPS                           float64
}

// open opens the page in a window of its own, so that every page is visible.
func open(t *testing.T, parent context.Context, address string, l look) *tab {
	t.Helper()
	p := visit(t, parent, address, l)
	p.watchWorker()
	return p
}

// visit is open for a page that connects later, or never.
func visit(t *testing.T, parent context.Context, address string, l look) *tab {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewWindow(true))
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx, watchdog: &watchdog{host: u.Host, asks: make(map[uint16]ask)}}
	if err := chromedp.Listen(ctx, p.event); err != nil {
		t.Fatal(err)
	}
	p.dress(l)
	p.do("load page", chromedp.Navigate(address))
	return p
}

// with is the same page in a subtest.
func (p *tab) with(t *testing.T) *tab {
	q := *p
	q.t = t
	t.Cleanup(q.quiet)
	return &q
}

// with is the same system in a subtest.
func (s *system) with(t *testing.T) *system {
	q := *s
	q.t = t
	return &q
}

func (p *tab) dress(l look) {
	p.t.Helper()
	scheme, language := "dark", "en-US"
	if l.light {
		scheme = "light"
	}
	if l.language != "" {
		language = l.language
	}
	if l.width == 0 {
		l.width, l.height = 1280, 800
	}
	var viewport []chromedp.EmulateViewportOption
	if l.phone {
		viewport = append(viewport, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	if l.picture != 0 {
		viewport = append(viewport, chromedp.EmulateScale(l.picture))
	}
	p.do("size page", chromedp.EmulateViewport(l.width, l.height, viewport...))
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	call(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: eval[string](p, "navigator.userAgent"), AcceptLanguage: language,
	})
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `addEventListener("securitypolicyviolation", (e) => console.error("policy violated: " + e.violatedDirective + " " + e.blockedURI))`,
	})
}

// watchWorker listens to the part of the page that owns the WebSocket.
func (p *tab) watchWorker() {
	p.t.Helper()
	eventually(p.t, "the page's worker runs", func() error {
		targets, err := chromedp.Targets(p.ctx)
		if err != nil {
			return err
		}
		self := chromedp.FromContext(p.ctx).Target.TargetID
		for _, info := range targets {
			if info.Type == "worker" && (info.ParentID == "" || info.ParentID == self) {
				// It ends with the page's context.
				ctx, _ := chromedp.NewContext(p.ctx, chromedp.WithTargetID(info.TargetID), chromedp.WithListener(p.event))
				return chromedp.Do(ctx)
			}
		}
		return fmt.Errorf("none among %d targets", len(targets))
	})
}

// event is called with everything that the browser says of the page.
func (w *watchdog) event(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		w.complain("exception: " + text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			var words strings.Builder
			for _, arg := range e.Args {
				fmt.Fprintf(&words, " %s%s", arg.Value, arg.Description)
			}
			w.complain(fmt.Sprintf("console %s:%s", e.Type, words.String()))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			w.complain(fmt.Sprintf("log of %s: %s %v", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		w.visit(e.Request.URL)
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != w.host && u.Scheme != "blob" && u.Scheme != "data" && u.Scheme != "about" {
			w.complain("request to another host: " + e.Request.URL)
		}
	case *network.EventWebSocketCreated:
		w.visit(e.URL)
		w.mu.Lock()
		w.sockets++
		w.asks = make(map[uint16]ask)
		w.mu.Unlock()
	case *network.EventWebSocketFrameSent:
		w.sent(e.Response.PayloadData)
	}
}

// sent notes what the page asks the server for.
func (w *watchdog) sent(message []byte) {
	var a ask
	if json.Unmarshal(message, &a) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch a.Type {
	case "watch", "follow":
		w.asks[a.Stream] = a
	case "unwatch":
		delete(w.asks, a.Stream)
	}
}

// asked is what the page wants of each camera now, that of a room under the room's name.
func (w *watchdog) asked() map[string]ask {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[string]ask)
	for _, a := range w.asks {
		all[a.Camera+a.Room] = a
	}
	return all
}

// complain notes what is wrong. That the network of the machine has changed, as other tests have it do with interfaces of their own, is
// not the page's fault: what it could not load then it loads anew, see web/boot.js.
func (w *watchdog) complain(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed = w.changed || strings.Contains(text, "net::ERR_NETWORK_CHANGED")
	if strings.Contains(text, "net::ERR_NETWORK_CHANGED") || w.changed && strings.Contains(text, "Failed to fetch dynamically imported module") {
		return
	}
	if len(w.complaints) < 20 {
		w.complaints = append(w.complaints, text)
	}
}

func (w *watchdog) visit(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.addresses) < 1000 {
		w.addresses = append(w.addresses, address)
	}
}

// visited returns the addresses that the page has asked for.
func (w *watchdog) visited() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.addresses)
}

func (w *watchdog) opened() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sockets
}

// quiet fails the test for each complaint so far, but for those that contain one of the expected texts.
func (p *tab) quiet() { p.quietBut() }

func (p *tab) quietBut(expected ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
next:
	for _, c := range p.complaints {
		for _, text := range expected {
			if strings.Contains(c, text) {
				continue next
			}
		}
		p.t.Errorf("the page complains: %s", c)
	}
	p.complaints = nil
}

func (p *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

func eval[T any](p *tab, script string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// click clicks with the mouse on what the selector names, as soon as it can be seen.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (p *tab) key(keys string) {
	p.t.Helper()
	p.do("press "+keys, chromedp.KeyEvent(keys))
}

// hide minimizes the window of the page; the function it returns brings it back.
func (p *tab) hide() (show func()) {
	p.t.Helper()
	self := chromedp.FromContext(p.ctx).Target.TargetID
	window := callBrowser(p, browser.GetWindowForTarget, browser.GetWindowForTargetParams{TargetID: self}).WindowID
	state := func(s browser.WindowState) {
		callBrowser(p, browser.SetWindowBounds, browser.SetWindowBoundsParams{WindowID: window, Bounds: &browser.Bounds{WindowState: s}})
	}
	state(browser.WindowStateMinimized)
	eventually(p.t, "the page is hidden", func() error {
		if now := eval[string](p, "document.visibilityState"); now != "hidden" {
			return fmt.Errorf("it is %s", now)
		}
		return nil
	})
	return func() { state(browser.WindowStateNormal) }
}

func callBrowser[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	r, err := chromedp.CallBrowser(ctx, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}
