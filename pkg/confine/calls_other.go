//go:build !amd64 && !arm64

package confine

import "errors"

// restrictCalls knows the numbers of amd64 and arm64 only.
func restrictCalls() error { return errors.ErrUnsupported }
