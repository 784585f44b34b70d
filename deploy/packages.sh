#!/bin/sh
# Installs the system packages that are missing: to build and run (run), for cameras with a source opencv:… as well
# (opencv), to check the code of all that (lint), to build Debian packages (deb), to test all of it (test), or to test and measure (bench). With --check
# it only says what is missing. Silent when nothing is; exits 1 when something is missing and could not be installed.
set -eu

usage() {
	echo "usage: packages.sh run|opencv|lint|deb|test|bench [--check]" >&2
	exit 2
}

# What is needed: group | purpose | Debian packages | how to find out on another system.
needs() {
	cat <<-'END'
		run|C compiler|gcc libc6-dev|find_command cc gcc clang
		run|pkg-config|pkg-config|find_command pkg-config pkgconf
		run|GStreamer 1.22 or newer with its headers, libraries core and base|libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev|pkg-config --exists gstreamer-1.0 gstreamer-app-1.0 gstreamer-video-1.0 gio-2.0
		run|GStreamer's plugins base|gstreamer1.0-plugins-base|gst-inspect-1.0 --exists videoconvert
		run|GStreamer's plugins good|gstreamer1.0-plugins-good|gst-inspect-1.0 --exists rtspsrc
		run|GStreamer's plugins bad, of which the parsers of H.264 and H.265|gstreamer1.0-plugins-bad|gst-inspect-1.0 --exists h264parse
		run|GStreamer's plugin libav|gstreamer1.0-libav|gst-inspect-1.0 --exists avdec_h264
		run|TLS for GLib, for rtsps://|glib-networking|find_file /usr/lib*/gio/modules/libgio* /usr/lib/*/gio/modules/libgio*
		run|libjpeg-turbo with its headers|libjpeg62-turbo-dev|pkg-config --exists libjpeg
		run|certificate authorities|ca-certificates|find_file /etc/ssl/certs /etc/pki/tls/certs
		opencv|C++ compiler|g++|find_command c++ g++ clang++
		opencv|OpenCV 4 with its headers|libopencv-dev|pkg-config --exists opencv4
		lint|npm with Node.js|npm|find_command npm
		deb|dpkg-shlibdeps|dpkg-dev|find_command dpkg-shlibdeps
		test|Chromium|chromium|find_command chromium chromium-browser google-chrome
		test|a font with Chinese characters|fonts-noto-cjk|find_font
		test|ffmpeg|ffmpeg|find_command ffmpeg
		test|Node.js|nodejs|find_command node
		test|curl|curl|find_command curl
		test|ip and tc|iproute2|find_command tc
		test|systemd-analyze|systemd|find_command systemd-analyze
		test|GStreamer's RTSP server for /usr/bin/python3|python3 python3-gi gir1.2-gst-rtsp-server-1.0|find_rtsp_server
		test|requests, NumPy and OpenCV for /usr/bin/python3|python3-requests python3-numpy python3-opencv|find_python_modules requests numpy cv2
		test|GStreamer's plugins ugly|gstreamer1.0-plugins-ugly|gst-inspect-1.0 --exists x264enc
		bench|FFmpeg's libraries with their headers|libavcodec-dev libavformat-dev|pkg-config --exists libavcodec libavformat
		bench|TurboJPEG with its headers|libturbojpeg0-dev|pkg-config --exists libturbojpeg
		bench|Motion|motion|find_command motion
		bench|ip and tc|iproute2|find_command tc
	END
}

# Whether what is asked for needs this group: the later ones need those before them, but for lint and deb, which others do not need, only tests deb.
wants() {
	case "$what $1" in
	"bench lint" | "bench deb") return 1 ;;
	"$1 $1" | "deb run" | "test deb" | "lint run" | "lint opencv" | "bench "* | "test run" | "test opencv" | "opencv run") return 0 ;;
	*) return 1 ;;
	esac
}

# Servers that tests run themselves. Installed they would be started, now and with the machine, so only the program is taken
# out of its package: command | Debian package | path in it.
servers() {
	cat <<-'END'
		nginx|nginx|./usr/sbin/nginx
		caddy|caddy|./usr/bin/caddy
		promtool|prometheus|./usr/bin/promtool
	END
}

tools=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/linkstart/tools

# Debian's names of the servers that are nowhere, in one line.
missing_servers() {
	servers | while IFS='|' read -r command package _; do
		! wants test || find_command "$command" "/usr/sbin/$command" "$tools/$command" || printf '%s ' "$package"
	done
}

# Takes the programs out of these packages.
fetch_servers() {
	mkdir -p "$tools"
	for package; do
		servers | while IFS='|' read -r command from path; do
			[ "$from" = "$package" ] || continue
			(cd "$tools" && apt-get -q -o APT::Sandbox::User=root download "$package" >/dev/null && dpkg-deb --fsys-tarfile "$package"_*.deb | tar -xO "$path" >"$command.new" &&
				chmod +x "$command.new" && mv "$command.new" "$command" && rm "$package"_*.deb) || {
				echo "$package could not be downloaded: run apt-get update as root, then try again" >&2
				exit 1
			}
		done
	done
}

find_command() {
	for name; do
		! command -v "$name" >/dev/null || return 0
	done
	return 1
}

find_file() {
	for path; do
		[ ! -e "$path" ] || return 0
	done
	return 1
}

find_font() {
	[ -n "$(fc-list :lang=zh family 2>/dev/null)" ]
}

find_rtsp_server() {
	/usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")'
}

find_python_modules() {
	for module; do
		/usr/bin/python3 -c "import $module" || return 1
	done
}

# Debian's names of all packages that are missing, in one line. A tool for tests
# or measurements is not missing where it comes from elsewhere.
missing_packages() {
	wanted=$(needs | while IFS='|' read -r group _ packages probe; do
		wants "$group" || continue
		case "$group $probe" in "lint find_command"* | "deb find_command"* | "test find_command"* | "bench find_command"*)
			# shellcheck disable=SC2086 # a command and its arguments
			! $probe || continue
		esac
		echo "$packages"
	done)
	if grep -qsx 'ID=ubuntu' "${OS_RELEASE:-/etc/os-release}"; then
		wanted=$(printf '%s\n' "$wanted" | sed 's/^chromium$/chromium-browser/; s/libjpeg62-turbo-dev/libjpeg-turbo8-dev/')
	fi
	# shellcheck disable=SC2086 # a list
	installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | awk '$2 == "installed" { print $1 }') || true
	list=
	for package in $wanted; do
		printf '%s\n' "$installed" | grep -qFx "$package" || list="$list $package"
	done
	echo "${list# }"
}

# Purposes of what is missing, one a line, for a system without apt.
missing_purposes() {
	needs | while IFS='|' read -r group purpose _ probe; do
		if wants "$group"; then
			# shellcheck disable=SC2086 # a command and its arguments
			$probe >/dev/null 2>&1 </dev/null || echo "  - $purpose"
		fi
	done
}

install_packages() {
	line="apt-get update && apt-get install -y --no-install-recommends $1"
	if [ "$(id -u)" = 0 ]; then
		as_root=
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		as_root='sudo -n'
	elif command -v sudo >/dev/null && [ -t 0 ] && [ -t 2 ]; then
		as_root=sudo
		echo "Installing with sudo: $1" >&2
	else
		echo "Packages are missing. Run this as root, then try again:" >&2
		echo "  $line" >&2
		exit 1
	fi
	# shellcheck disable=SC2086 # lists
	{
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update &&
			$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $1
	} >&2 || {
		echo "apt-get failed. What it was to do:" >&2
		echo "  $line" >&2
		exit 1
	}
}

# Go must be there, at least as new as go.mod says; an older one that can fetch a newer one counts as that.
check_go() {
	root=$(dirname "$0")/..
	want=$(awk '$1 == "go" { print $2 }' "$root/go.mod")
	if ! command -v go >/dev/null; then
		echo "Go is missing: install Go $want or newer from https://go.dev/dl/" >&2
		exit 1
	fi
	have=$(cd "$root" && go env GOVERSION) || have=
	have=${have#go}
	have=${have%% *}
	if [ -z "$have" ] || [ "$(printf '%s\n' "$want" "$have" | sort -V | head -n 1)" != "$want" ]; then
		echo "Go is too old (${have:-unknown version}): install Go $want or newer from https://go.dev/dl/" >&2
		exit 1
	fi
}

what=${1-}
mode=${2-}
case $what in run | opencv | lint | deb | test | bench) ;; *) usage ;; esac
case $mode in '' | --check) ;; *) usage ;; esac
[ $# -le 2 ] || usage

check_go
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	missing=$(missing_purposes)
	[ -n "$missing" ] || exit 0
	echo "Missing, and without apt-get they must be installed by hand:" >&2
	echo "$missing" >&2
	exit 1
fi
missing=$(missing_packages)
servers=$(missing_servers)
if [ -n "$mode$missing" ] && [ -n "$missing$servers" ]; then
	if [ -n "$mode" ]; then
		servers=${servers% }
		echo "Missing packages: $missing${missing:+${servers:+ }}$servers" >&2
		exit 1
	fi
	install_packages "$missing"
fi
# shellcheck disable=SC2086 # a list
[ -z "$servers" ] || fetch_servers $servers
if ! find_command "${CC:-cc}" gcc clang; then
	echo "There is no C compiler: install gcc, or name yours in CC" >&2
	exit 1
fi
if wants opencv && ! find_command "${CXX:-c++}" g++ clang++; then
	echo "There is no C++ compiler: install g++, or name yours in CXX" >&2
	exit 1
fi
