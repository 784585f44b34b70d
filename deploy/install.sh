#!/bin/sh
# Installs what is built in bin/ as a service of this machine (install), or removes it again (uninstall), for `make install` and for the
# package. PREFIX is where to, DESTDIR a folder that stands for / until a package puts it there.
set -eu
cd "$(dirname "$0")/.."

PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
BIN=${BIN:-bin}
to=$DESTDIR$PREFIX
lib=$to/lib/linkstart
unit=$to/lib/systemd/system/linkstart.service
users=$to/lib/sysusers.d/linkstart.conf
manual=$to/share/man/man1/linkstart.1
bash=$to/share/bash-completion/completions/linkstart
case $PREFIX in /usr) zsh=$to/share/zsh/vendor-completions/_linkstart ;; *) zsh=$to/share/zsh/site-functions/_linkstart ;; esac
fish=$to/share/fish/vendor_completions.d/linkstart.fish

install_files() {
	for program in supervisor relay grabber; do
		[ -x "$BIN/$program" ] || { echo "$BIN/$program is not there: run make build, then make install again" >&2; exit 1; }
	done
	install -d "$lib" "$to/bin" "${unit%/*}" "${users%/*}" "${manual%/*}" "${bash%/*}" "${zsh%/*}" "${fish%/*}"
	for program in supervisor relay grabber grabber-opencv; do
		[ ! -x "$BIN/$program" ] || install -m 755 "$BIN/$program" "$lib/"
	done
	# They find each other beside themselves, wherever a link to them is.
	ln -sfn ../lib/linkstart/supervisor "$to/bin/linkstart"
	install -m 755 deploy/systemd/configure.sh "$lib/configure"
	install -m 644 deploy/systemd/cameras.yaml "$lib/"
	install -m 644 deploy/systemd/linkstart.sysusers "$users"
	sed "s|/usr/lib/linkstart|$PREFIX/lib/linkstart|" deploy/systemd/linkstart.service >"$unit"
	chmod 644 "$unit"
	install -m 644 deploy/man/linkstart.1 "$manual"
	"$to/bin/linkstart" completion bash >"$bash"
	"$to/bin/linkstart" completion zsh >"$zsh"
	"$to/bin/linkstart" completion fish >"$fish"
	chmod 644 "$bash" "$zsh" "$fish"
}

case ${1-} in
install)
	install_files
	[ -z "$DESTDIR" ] || exit 0 # whoever puts it in its place runs configure there
	"$lib/configure"
	if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
	cat <<-END
		Linkstart is in $PREFIX, its configuration is /etc/linkstart/cameras.yaml. Start it, now and with the machine, by
		  systemctl enable --now linkstart
	END
	;;
uninstall)
	if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
		systemctl disable --now linkstart || true # it may never have been enabled
	fi
	rm -rf "$lib"
	rm -f "$to/bin/linkstart" "$unit" "$users" "$manual" "$bash" "$zsh" "$fish"
	[ -n "$DESTDIR" ] || echo "Left as they are: the configuration in /etc/linkstart, the state in /var/lib/linkstart, the user linkstart."
	;;
*)
	echo "usage: install.sh install|uninstall" >&2
	exit 2
	;;
esac
