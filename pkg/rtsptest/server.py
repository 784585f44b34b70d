"""RTSP server for tests: one JSON line on stdin says what to serve, see rtsptest.go.

Prints "port N" once it listens, and exits when stdin ends, so that it never outlives the test that started it.
"""
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def run(pipeline):
    """Runs a pipeline to its end."""
    line = Gst.parse_launch(pipeline)
    line.set_state(Gst.State.PLAYING)
    message = line.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    line.set_state(Gst.State.NULL)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit("cannot prepare the clip: " + (message.parse_error()[0].message if message else "it takes too long"))


def demand_login(server, factories, login):
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if login["basic"]:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(login["user"], login["password"]), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(login["user"], login["password"], token)
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)


def give_times(factory, media):
    """Stamps what comes out of an encoder that loses the times of its pictures, as FFmpeg's MPEG-4 does."""
    untimed = media.get_element().get_by_name("untimed")

    def stamp(pad, info):
        info.get_buffer().pts = info.get_buffer().dts = untimed.get_clock().get_time() - untimed.get_base_time()
        return Gst.PadProbeReturn.OK

    if untimed:
        untimed.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, stamp)


def main():
    conf = json.loads(sys.stdin.readline())
    Gst.init(None)
    missing = [name for name in conf["elements"] if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit("GStreamer elements are missing: " + ", ".join(missing))
    for pipeline in conf["prepare"] or []:
        run(pipeline)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(conf["port"]))
    factories = []
    for path, pipeline in conf["mounts"].items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(pipeline)
        factory.set_shared(True)
        factory.connect("media-configure", give_times)
        server.get_mount_points().add_factory(path, factory)
        factories.append(factory)
    if conf["login"]["user"]:
        demand_login(server, factories, conf["login"])
    if server.attach(None) == 0:
        sys.exit("cannot listen on port %d" % conf["port"])
    loop = GLib.MainLoop()

    def follow_parent():
        sys.stdin.read()
        loop.quit()

    threading.Thread(target=follow_parent, daemon=True).start()
    print("port %d" % server.get_bound_port(), flush=True)
    loop.run()


main()
