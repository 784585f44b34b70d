package main

import (
	"log/slog"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/video"
	"linkstart/pkg/child"
	"linkstart/pkg/confine"
	"linkstart/pkg/film"
	"linkstart/sdk/hikvision"
)

// lockUp takes from this process what its camera does not need, before anything that the camera sends is looked at.
func lockUp(doc child.Grabber, log *slog.Logger) {
	streams := []child.Stream{{Kind: doc.Kind, Source: doc.Camera.Source}}
	if doc.Substream != nil {
		streams = append(streams, *doc.Substream)
	}
	files := confine.System().And(confine.Files{Hide: doc.Hide})
	needs := confine.Needs{Files: &files}
	for _, s := range streams {
		spec := doc.Camera
		spec.Source = s.Source
		more, any := filesOf(s.Kind, spec)
		if any {
			needs.Files = nil
		}
		files = files.And(more)
	}
	if err := confine.Apply(needs); err != nil {
		log.Warn("this process may do more than its camera needs", "err", err)
	}
}

// filesOf returns which files of this machine a stream needs besides those of the system; any: all that this user may use.
func filesOf(kind string, spec camera.Spec) (files confine.Files, any bool) {
	switch kind {
	case "exec": // the user's own command
		return confine.Files{}, true
	case "opencv": // whatever it is told to open
		return confine.Files{Read: []string{"/"}, Write: []string{"/dev"}}, false
	case "hikvision":
		film.Prepare(spec)
		files.Read = hikvision.Files(spec)
	case "onvif": // which plays video, and no files
		film.Prepare(spec)
	case "video":
		film.Prepare(spec)
		files.Read, files.Write = video.Files(spec)
	}
	return files, false
}
