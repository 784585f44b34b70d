module linkstart

go 1.26.0

require (
	github.com/icholy/digest v1.2.0
	go.uber.org/goleak v1.3.0
	golang.org/x/image v0.47.0
)
