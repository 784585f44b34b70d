package onvif

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"linkstart/pkg/camera"
)

// choice takes one of the profiles, of which there is one at least.
type choice func([]profile) (profile, error)

// largest returns the first of the profiles with most pixels: the first is the main stream in most cameras, but not in all.
func largest(all []profile) profile {
	return slices.MaxFunc(all, func(a, b profile) int { return cmp.Compare(a.pixels(), b.pixels()) })
}

// named finds a profile by its token or name, else by its name in whatever case.
func named(all []profile, name string) (profile, error) {
	for _, same := range []func(p profile) bool{
		func(p profile) bool { return p.token == name || p.name == name },
		func(p profile) bool { return strings.EqualFold(p.name, name) },
	} {
		if i := slices.IndexFunc(all, same); i >= 0 {
			return all[i], nil
		}
	}
	return profile{}, &unknownProfile{name: name, there: list(all)}
}

// smaller returns the largest profile of the same source below than that fits sub as it is, else the smallest below than.
func smaller(all []profile, than profile) (profile, error) {
	below := slices.DeleteFunc(slices.Clone(all), func(p profile) bool { return p.source != than.source || p.pixels() == 0 || p.pixels() >= than.pixels() })
	if len(below) == 0 {
		return profile{}, errNoneSmaller
	}
	fitting := slices.DeleteFunc(slices.Clone(below), func(p profile) bool { return p.width > camera.SubWidth })
	if len(fitting) > 0 {
		return largest(fitting), nil
	}
	return slices.MinFunc(below, func(a, b profile) int { return cmp.Compare(a.pixels(), b.pixels()) }), nil
}

// list names profiles for a user to choose from.
func list(all []profile) string {
	var words []string
	for _, p := range all[:min(len(all), 8)] {
		words = append(words, fmt.Sprintf("%.40s (%d×%d)", cmp.Or(p.name, p.token), p.width, p.height))
	}
	return strings.Join(words, ", ")
}
