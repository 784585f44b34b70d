// Package nettest finds addresses for tests.
package nettest

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddr returns an address of this machine, host:port, where nothing listens, nor will before it is used: ports below 32768 are not
// given to connections.
func FreeAddr() string {
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}
}
