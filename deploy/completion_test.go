package deploy_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCompletion has bash complete a command line by the script that is installed for it.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	shell(t, "deploy/install.sh install", "BIN="+built, "PREFIX=/usr", "DESTDIR="+dir)
	complete := func(line ...string) []string {
		return strings.Fields(shell(t, `exec bash -euc "$TEST" bash $LINE`, "LINE="+strings.Join(line, " "), "PATH="+dir+"/usr/bin:/usr/bin:/bin",
			"SCRIPT="+dir+"/usr/share/bash-completion/completions/linkstart", `TEST=
_comp_initialize() { :; } # of the package bash-completion, which loads the script
source "$SCRIPT"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
$(complete -p linkstart | sed "s/.*-F //; s/ .*//")
printf '%s\n' "${COMPREPLY[@]}"`))
	}
	for _, tt := range []struct{ line, want []string }{
		{[]string{"linkstart", "re"}, []string{"restart", "reload"}},
		{[]string{"linkstart", "token", "re"}, []string{"revoke"}},
		{[]string{"linkstart", "logs", "--con"}, []string{"--config"}},
	} {
		if got := complete(tt.line...); !slices.Equal(got, tt.want) {
			t.Errorf("%v is completed by %v, want %v", tt.line, got, tt.want)
		}
	}
	// The other shells are not on every machine; what they call is the same program.
	for _, name := range []string{"zsh/vendor-completions/_linkstart", "fish/vendor_completions.d/linkstart.fish"} {
		text := shell(t, "cat "+filepath.Join(dir, "usr/share", name))
		if !strings.Contains(text, "linkstart") || !strings.Contains(text, "--generate-shell-completion") || strings.Contains(text, "supervisor") {
			t.Errorf("%s does not complete linkstart:\n%s", name, text)
		}
	}
}
