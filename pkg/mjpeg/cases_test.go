package mjpeg_test

import (
	"bytes"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
)

// Pictures for the cases: two whole ones, one with a thumbnail, one without EOI.
var (
	one   = picture(32, 24)
	two   = picture(48, 16)
	thumb = join(one[:2], "\xFF\xE1", string([]byte{byte((len(two) + 2) >> 8), byte(len(two) + 2)}), two, one[2:])
	noEOI = two[:len(two)-2]
)

func picture(width, height int) string {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * i / 7)
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.String()
}

func join(parts ...string) string {
	var b bytes.Buffer
	for _, p := range parts {
		b.WriteString(p)
	}
	return b.String()
}

const (
	mixed = "multipart/x-mixed-replace;boundary=myboundary"
	typed = "Content-Type: image/jpeg\r\n"
)

// part is one as RFC 2046 and most cameras have it.
func part(body string) string { return sized(len(body), body) }

// sized is one whose Content-Length is n.
func sized(n int, body string) string {
	return fmt.Sprintf("--myboundary\r\n%sContent-Length: %d\r\n\r\n%s\r\n", typed, n, body)
}

func unsized(body string) string { return "--myboundary\r\n" + typed + "\r\n" + body + "\r\n" }

type testCase struct {
	name        string
	contentType string
	stream      string
	want        []string
}

// cases is how real cameras send it.
var cases = []testCase{
	{"nothing", mixed, "", nil},
	{"as it should be", mixed, part(one) + part(two), []string{one, two}},
	{"closed", mixed, part(one) + "--myboundary--\r\n", []string{one}},
	{"goes on after the closing boundary", mixed, part(one) + "--myboundary--\r\n" + part(two), []string{one, two}},
	{"no Content-Length", mixed, unsized(one) + unsized(two), []string{one, two}},
	{"no headers", mixed, "--myboundary\r\n\r\n" + one + "\r\n--myboundary\r\n\r\n" + two, []string{one, two}},
	{"only line feeds", mixed, "--myboundary\nContent-Type: image/jpeg\n\n" + one + "\n--myboundary\nContent-Length: 9\n\n" + two, []string{one, two}},
	{"dashes in the header's boundary", "multipart/x-mixed-replace; boundary=--myboundary", part(one) + unsized(two), []string{one, two}},
	{"two dashes more between parts", "multipart/x-mixed-replace; boundary=--myboundary", "--" + part(one) + "--" + unsized(noEOI) + "--" + part(two), []string{one, noEOI, two}},
	{"no dashes between parts", mixed, "myboundary\r\n" + typed + "\r\n" + one + "\r\nmyboundary\r\n" + typed + "\r\n" + two, []string{one, two}},
	{"space before =", "multipart/x-mixed-replace; boundary =myboundary", part(one), []string{one}},
	{"space after =", "multipart/x-mixed-replace; boundary= myboundary", part(one), []string{one}},
	{"quoted", `multipart/x-mixed-replace; charset=x; BOUNDARY="myboundary"`, unsized(noEOI) + part(one), []string{noEOI, one}},
	{"no boundary in the header", "multipart/x-mixed-replace", part(one) + unsized(noEOI) + part(two), []string{one, noEOI, two}},
	{"no Content-Type at all", "", part(one) + part(two), []string{one, two}},
	{"another boundary than the header's", "multipart/x-mixed-replace; boundary=ffserver", part(one) + part(two), []string{one, two}},
	{"one-letter boundary", "multipart/x-mixed-replace; boundary=b", "--b\r\n\r\n" + noEOI + "\r\n--b\r\n\r\n" + one + "\r\n--b\r\n\r\n" + two, []string{noEOI, one, two}},
	{"boundary of only dashes", "multipart/x-mixed-replace; boundary=----", "----\r\n" + typed + "\r\n" + one, []string{one}},
	{"two boundaries in a row", mixed, "--myboundary\r\n--myboundary\r\n" + typed + "\r\n" + one + "\r\n--myboundary\r\n" + part(two), []string{one, two}},
	{"empty part between", mixed, part(one) + "--myboundary\r\n\r\n" + part(two), []string{one, two}},
	{"first part without boundary", mixed, typed + "\r\n" + one + "\r\n" + part(two), []string{one, two}},
	{"first picture without anything", mixed, one + "\r\n" + part(two), []string{one, two}},
	{"CRLF before the first boundary", mixed, "\r\n" + part(one), []string{one}},
	{"CRLF before the picture", mixed, unsized("\r\n"+one) + sized(len(two), "\r\n"+two) + part(one), []string{one, two, one}},
	{"no line end after the boundary", mixed, "--myboundary" + typed + "\r\n" + one + "\r\n--myboundary" + two, []string{one, two}},
	{"no line end before the boundary", mixed, unsized(one)[:len(unsized(one))-2] + part(two), []string{one, two}},
	{"no empty line before the picture", mixed, "--myboundary\r\n" + typed + one + "\r\n" + part(two), []string{one, two}},
	{"preamble", mixed, "This stream\r\nneeds a browser\r\n" + part(one), []string{one}},
	{"odd headers", mixed, "--myboundary\r\nX-Time: 1:2:3\r\nnonsense\r\n:\r\ncontent-LENGTH :" + fmt.Sprint(len(one)) + "\r\n\r\n" + one, []string{one}},
	{"Content-Length two short", mixed, sized(len(one)-2, one) + sized(len(two)-2, two), []string{one, two}},
	{"Content-Length two long", mixed, sized(len(one)+2, one) + sized(len(two)+2, two) + part(one), []string{one, two, one}},
	{"Content-Length far too long", mixed, sized(50_000, one) + sized(50_000, two) + part(one), []string{one, two, one}},
	{"Content-Length is no number", mixed, "--myboundary\r\nContent-Length: many\r\n\r\n" + one + "\r\n" + sized(-5, two), []string{one, two}},
	{"Content-Length 0", mixed, sized(0, one) + sized(0, two), []string{one, two}},
	{"thumbnail", mixed, unsized(thumb) + part(thumb) + sized(9, thumb), []string{thumb, thumb, thumb}},
	{"bytes after EOI", mixed, part(one+"\x00\x00\xFF") + unsized(two) + unsized(one+"\x00\x00\n\x00") + part(two), []string{one + "\x00\x00\xFF", two, one, two}},
	{"no EOI", mixed, part(noEOI) + part(noEOI) + part(one), []string{noEOI, noEOI, one}},
	{"no EOI, no Content-Length", mixed, unsized(noEOI) + unsized(noEOI) + part(one), []string{noEOI, noEOI, one}},
	{"no EOI, Content-Length two short", mixed, sized(len(noEOI)-2, noEOI) + part(one), []string{noEOI, one}},
	{"not a JPEG", mixed, "--myboundary\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n" + part(one), []string{"hello", one}},
	{"breaks off in the headers", mixed, part(one) + "--myboundary\r\nContent-", []string{one}},
	{"breaks off in the picture", mixed, part(one) + unsized(two)[:300], []string{one}},
	{"last one without EOI, counted", mixed, part(one) + chomp(part(noEOI)), []string{one, noEOI}},
	{"too large, then small", mixed, sized(maxBytes+1, string(make([]byte, maxBytes+1))) + part(one), []string{one}},
	{"too large without Content-Length", mixed, unsized(string(make([]byte, 3*maxBytes))) + part(one), []string{one}},
	{"headers without end", mixed, part(one) + "--myboundary\r\n" + string(bytes.Repeat([]byte("X-A: b\r\n"), 70)) + "\r\n" + part(two), []string{one, two}},
	{"header line without end", mixed, part(one) + "--myboundary\r\n" + string(bytes.Repeat([]byte("x"), 20_000)) + "\r\n" + part(two), []string{one, two}},
}

// chomp is s without its last line end.
func chomp(s string) string { return s[:len(s)-2] }

const maxBytes = 100_000
