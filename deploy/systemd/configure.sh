#!/bin/sh
# Makes the user and the configuration of the service, as far as they are not there. What is there is never changed, whoever
# owns it: run again it does nothing.
set -eu
here=$(dirname "$0")

systemd-sysusers "$here/../sysusers.d/linkstart.conf"
[ -d /etc/linkstart ] || install -d -m 750 -o root -g linkstart /etc/linkstart
# The service may write it, so that cameras can be added in the page; chown root takes that away.
[ -e /etc/linkstart/cameras.yaml ] || install -m 640 -o linkstart -g linkstart "$here/cameras.yaml" /etc/linkstart/cameras.yaml
[ -e /etc/linkstart/passwords ] || install -m 600 -o root -g root /dev/null /etc/linkstart/passwords
