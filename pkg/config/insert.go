package config

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// insert writes a into data, which has no mistakes, as text: after the last camera, in the style of that one. It may go wrong
// where the file is written in an unusual way; its caller looks at what has come of it.
func insert(data []byte, a Addition) ([]byte, bool) {
	body, bom := bytes.CutPrefix(data, []byte("\ufeff"))
	d := &decoder{at: map[string]Problem{}}
	root := d.parse(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))) // the parser counts a CRLF after a comment as two lines
	if len(d.problems) > 0 {
		return nil, false
	}
	t := newText(string(body))
	text, ok := t.with(root, a)
	if bom {
		text = "\ufeff" + text
	}
	return []byte(text), ok
}

// text is a file in lines, each with its end.
type text struct {
	lines []string
	eol   string
}

func newText(s string) text {
	t := text{lines: strings.SplitAfter(s, "\n"), eol: "\n"}
	if strings.Contains(s, "\r\n") {
		t.eol = "\r\n"
	}
	if t.lines[len(t.lines)-1] == "" {
		t.lines = t.lines[:len(t.lines)-1]
	}
	return t
}

func (t text) with(root ast.Node, a Addition) (string, bool) {
	var key, value ast.Node
	list, _ := entries(root)
	for _, e := range list {
		if keyText(e.Key) == "cameras" {
			key, value = e.Key, e.Value
		}
	}
	switch v := value.(type) {
	case nil:
		if m, ok := root.(*ast.MappingNode); ok && m.IsFlowStyle {
			return "", false
		}
		lines := []string{"cameras:"}
		if len(t.lines) > 0 {
			lines = []string{"", "cameras:"}
		}
		return t.after(t.end(root), t.block(a, 2, false, lines...)...), true
	case *ast.NullNode:
		line := key.GetToken().Position.Line
		if rest := t.bare(line - 1); !strings.HasSuffix(rest, ":") { // null, ~
			return "", false
		}
		return t.after(line, t.block(a, key.GetToken().Position.Column+1, false)...), true
	case *ast.SequenceNode:
		if v.IsFlowStyle {
			return t.inFlow(v, a)
		}
		return t.inBlock(v, a)
	}
	return "", false
}

// bare is a line without its comment and the space around it.
func (t text) bare(i int) string {
	line, _, _ := strings.Cut(t.lines[i], " #")
	line, _, _ = strings.Cut(line, "\t#")
	return strings.TrimSpace(line)
}

// end is the number of lines up to where the document ends.
func (t text) end(root ast.Node) int {
	if root == nil {
		return len(t.lines)
	}
	for i, line := range t.lines {
		if strings.HasPrefix(line, "...") {
			return i
		}
	}
	return len(t.lines)
}

// block writes the camera as lines, its dash after indent spaces.
func (t text) block(a Addition, indent int, flow bool, before ...string) []string {
	lines := before
	pad := strings.Repeat(" ", indent)
	if flow {
		return append(lines, pad+"- "+a.flow())
	}
	for i, p := range a.pairs() {
		lead := "  "
		if i == 0 {
			lead = "- "
		}
		lines = append(lines, pad+lead+p.key+": "+p.plain)
	}
	return lines
}

// after returns the file with more lines after the first n.
func (t text) after(n int, more ...string) string {
	var b strings.Builder
	for _, line := range t.lines[:n] {
		b.WriteString(line)
	}
	if n > 0 && !strings.HasSuffix(t.lines[n-1], "\n") {
		b.WriteString(t.eol)
	}
	for i, line := range more {
		b.WriteString(line)
		if n < len(t.lines) || i < len(more)-1 || n == 0 || strings.HasSuffix(t.lines[n-1], "\n") {
			b.WriteString(t.eol)
		}
	}
	for _, line := range t.lines[n:] {
		b.WriteString(line)
	}
	return b.String()
}

// inBlock writes the camera after the last one of a list whose entries begin with dashes.
func (t text) inBlock(list *ast.SequenceNode, a Addition) (string, bool) {
	last := list.Values[len(list.Values)-1]
	dash := t.dash(last.GetToken().Position.Line - 1)
	if m, ok := last.(*ast.MappingNode); ok && len(m.Values) > 0 {
		dash = t.dash(m.Values[0].Key.GetToken().Position.Line - 1)
	}
	if dash < 0 {
		return "", false
	}
	indent := indentOf(t.lines[dash])
	end := dash + 1
	for i := end; i < len(t.lines); i++ {
		line := strings.TrimSpace(t.lines[i])
		switch comment := strings.HasPrefix(line, "#"); {
		case line == "":
			continue
		case comment && i == end && indentOf(t.lines[i]) > indent: // what is written of the last camera stays with it
		case comment:
			continue
		case indentOf(t.lines[i]) <= indent:
			i = len(t.lines)
			continue
		}
		end = i + 1
	}
	flow := strings.HasPrefix(strings.TrimSpace(t.lines[dash]), "- {")
	var gap []string
	first := dash
	for first > 0 && strings.HasPrefix(strings.TrimSpace(t.lines[first-1]), "#") {
		first--
	}
	if len(list.Values) > 1 && first > 0 && strings.TrimSpace(t.lines[first-1]) == "" { // they stand apart
		gap = []string{""}
	}
	return t.after(end, t.block(a, indent, flow, gap...)...), true
}

// dash is the line at or above i that begins an entry, -1 where there is none.
func (t text) dash(i int) int {
	for ; i >= 0; i-- {
		line := strings.TrimSpace(t.lines[i])
		if strings.HasPrefix(line, "- ") || line == "-" {
			return i
		}
	}
	return -1
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// inFlow writes the camera into [ ].
func (t text) inFlow(list *ast.SequenceNode, a Addition) (string, bool) {
	if len(list.Values) == 0 {
		return t.at(list.Start, a.flow())
	}
	last, ok := list.Values[len(list.Values)-1].(*ast.MappingNode)
	if !ok || !last.IsFlowStyle || last.End == nil {
		return "", false
	}
	gap := ", "
	if begin := last.Start.Position.Line; begin != list.Start.Position.Line {
		gap = "," + t.eol + strings.Repeat(" ", indentOf(t.lines[begin-1]))
	}
	return t.at(last.End, gap+a.flow())
}

// at returns the file with more right after a bracket.
func (t text) at(bracket *token.Token, more string) (string, bool) {
	line, column := bracket.Position.Line-1, bracket.Position.Column-1
	if line < 0 || line >= len(t.lines) {
		return "", false
	}
	at := 0
	for range column {
		_, n := utf8.DecodeRuneInString(t.lines[line][at:])
		at += n
	}
	if !strings.HasPrefix(t.lines[line][at:], bracket.Value) {
		return "", false
	}
	at += len(bracket.Value)
	before := strings.Join(t.lines[:line], "") + t.lines[line][:at]
	return before + more + t.lines[line][at:] + strings.Join(t.lines[line+1:], ""), true
}
