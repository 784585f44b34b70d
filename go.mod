module linkstart

go 1.26

require (
	github.com/icholy/digest v1.2.0
	go.uber.org/goleak v1.3.0
	gocv.io/x/gocv v0.31.0
)
