#!/bin/sh
# Builds the Debian packages of what is built in bin/: linkstart, and linkstart-opencv where bin/grabber-opencv is there. Arguments: the
# version as git describes it, the folder to write to, the version of nfpm.
set -eu
cd "$(dirname "$0")/../.."
BIN=${BIN:-bin}
described=$1 out=$2 nfpm=$3

case $described in
v[0-9]*) VERSION=$(echo "${described#v}" | sed 's/-/+/; s/-/./g') ;;
*) VERSION=0~$(git log -1 --format=%cd --date=format:%Y%m%d%H%M%S 2>/dev/null || echo 0).$(echo "$described" | tr -c 'A-Za-z0-9\n' .) ;; # sorts by time
esac
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)} # the same source gives the same bytes
ARCH=$(dpkg --print-architecture)
STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT
MAINTAINER=${MAINTAINER:-Linkstart <linkstart@localhost.localdomain>}
export VERSION ARCH STAGE SOURCE_DATE_EPOCH MAINTAINER

# The packages that a program's libraries are in, as dpkg-shlibdeps finds them.
libraries() {
	mkdir -p "$STAGE/shlibdeps/debian"
	: >"$STAGE/shlibdeps/debian/control"
	program=$(realpath "$1")
	(cd "$STAGE/shlibdeps" && dpkg-shlibdeps -O --ignore-missing-info "$program" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}

BIN=$BIN DESTDIR=$STAGE/main PREFIX=/usr deploy/install.sh install
mkdir -p "$STAGE/opencv/usr/lib/linkstart" "$out"
rm -f "$out"/linkstart_*.deb "$out"/linkstart-opencv_*.deb # of other versions
if [ -x "$BIN/grabber-opencv" ]; then
	mv "$STAGE/main/usr/lib/linkstart/grabber-opencv" "$STAGE/opencv/usr/lib/linkstart/"
fi
for program in "$STAGE"/main/usr/lib/linkstart/supervisor "$STAGE"/main/usr/lib/linkstart/relay "$STAGE"/*/usr/lib/linkstart/grabber*; do
	strip "$program"
done
gzip -9n "$STAGE/main/usr/share/man/man1/linkstart.1"
for package in linkstart linkstart-opencv; do
	printf '%s (%s) unstable; urgency=medium\n\n  * What is in it: README.md and the documentation beside it.\n\n -- %s  %s\n' \
		"$package" "$VERSION" "$MAINTAINER" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$STAGE/$package.changelog.gz"
done
LIBRARIES=$(libraries "$STAGE/main/usr/lib/linkstart/grabber")
export LIBRARIES
go run "$nfpm" package --packager deb --config deploy/deb/linkstart.yaml --target "$out"
if [ -x "$STAGE/opencv/usr/lib/linkstart/grabber-opencv" ]; then
	LIBRARIES=$(libraries "$STAGE/opencv/usr/lib/linkstart/grabber-opencv")
	go run "$nfpm" package --packager deb --config deploy/deb/linkstart-opencv.yaml --target "$out"
fi
