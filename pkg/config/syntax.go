package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The parser's time and memory grow with the square of nesting and of tokens. These limits are far beyond any real
// configuration: a thousand cameras take about 30 000 tokens.
const (
	maxTokens = 100_000
	maxNested = 16   // [ or {
	maxColumn = 1000 // at which a list or map may begin
)

// parse turns data into the tree of its only document, or notes why not and returns nil. An empty file has none.
func (d *decoder) parse(data []byte) (root ast.Node) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at := invalidUTF8(data); at >= 0 {
		d.add(d.offset(data, at), "save the file as UTF-8", "the file is not UTF-8 text")
		return nil
	}
	defer func() { // not our code: a panic of the parser is a mistake in the file like others
		if p := recover(); p != nil {
			d.add(d.offset(data, 0), "", "the file is not YAML that can be read")
			root = nil
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if !d.bounded(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	var docs []*ast.DocumentNode
	for _, doc := range file.Docs {
		if doc.Body != nil {
			docs = append(docs, doc)
		}
	}
	if len(docs) == 0 {
		return nil
	}
	for _, more := range docs[1:] {
		d.add(d.where(more.Body), "remove the line --- before it", "a second document is in this file")
	}
	return docs[0].Body
}

// bounded notes what would take the parser too much time or memory.
func (d *decoder) bounded(tokens token.Tokens) bool {
	nested := 0
	count := 0
	for _, t := range tokens {
		switch t.Type {
		case token.CommentType:
			continue
		case token.SequenceStartType, token.MappingStartType:
			nested++
		case token.SequenceEndType, token.MappingEndType:
			nested--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			if t.Position.Column > maxColumn {
				nested = maxNested + 1
			}
		}
		count++
		if nested > maxNested {
			d.add(d.tokenPosition(t), "", "lists and maps are nested too deeply here")
			return false
		}
		if count > maxTokens {
			d.add(d.tokenPosition(t), "", "the file holds more than %d words", maxTokens)
			return false
		}
	}
	return true
}

// syntaxHints tell how to mend what the parser complains about, by a part of its message.
var syntaxHints = []struct{ part, hint string }{
	{"mapping value is not allowed", `a value that holds ": " or ends in ":" goes in quotes, as in source: "push:"`},
	{"unexpected key name", "write a space after the colon"},
	{"non-map value", "write key: value, with a space after the colon"},
	{"value is not allowed in this context", "check how far this line and those around it are indented"},
	{"cannot start any token", "indent with spaces, not with tabs"},
	{"reserved character", "put the value in quotes"},
	{"unknown escape character", `inside "…" write \\ for a backslash, or use '…'`},
	{"end character of", "close the quote"},
	{"not found", "close the bracket"},
	{"could not find flow", "close the bracket"},
}

// quotedPattern finds what a message quotes of the file, which may be a secret.
var quotedPattern = regexp.MustCompile(`\s*:?\s*"[^"]*"?`)

// syntax turns an error of the parser into a problem.
func (d *decoder) syntax(err error) {
	where, what := Problem{File: d.file, Line: 1, Column: 1}, "the file is not valid YAML"
	var e yaml.Error
	if errors.As(err, &e) {
		if e.GetToken() != nil {
			where = d.tokenPosition(e.GetToken())
		}
		what = strings.ReplaceAll(e.GetMessage(), "\t", `\t`)
		what = quotedPattern.ReplaceAllString(what, "")
	}
	hint := ""
	for _, h := range syntaxHints {
		if strings.Contains(what, h.part) {
			hint = h.hint
			break
		}
	}
	d.add(where, hint, "%s", what)
}

// where returns the position of the first token of n.
func (d *decoder) where(n ast.Node) Problem {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return d.where(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return d.where(n.Key)
	}
	return d.tokenPosition(n.GetToken())
}

func (d *decoder) tokenPosition(t *token.Token) Problem {
	p := Problem{File: d.file, Line: 1, Column: 1}
	if t != nil && t.Position != nil {
		p.Line, p.Column = max(1, t.Position.Line), max(1, t.Position.Column)
	}
	return p
}

func (d *decoder) offset(data []byte, at int) Problem {
	before := data[:at]
	line := bytes.LastIndexByte(before, '\n') + 1
	return Problem{File: d.file, Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[line:])}
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}

// entries returns the keys and values of a map.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// describe says what kind of value n is.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode:
		return "a truth value"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	}
	return fmt.Sprintf("a %s", strings.ToLower(n.Type().YAMLName()))
}
