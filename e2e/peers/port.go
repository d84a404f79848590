package peers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are drawn from below those that the kernel hands to outgoing
// connections, so that a server that is stopped for a while finds its port
// free when it starts again.
const (
	firstPort = 12000
	lastPort  = 31999
)

// loopbacks returns n addresses on 127.0.0.1 with ports that nothing listens
// on.
func loopbacks(n int) ([]string, error) {
	var addresses []string
	var listeners []net.Listener
	defer func() { // only now, so that no port is drawn twice
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	for range n {
		listener, err := listen()
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// listen binds a port that is free.
func listen() (net.Listener, error) {
	var lastErr error
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return listener, nil
		}
		lastErr = err
	}
	return nil, fmt.Errorf("find a free port: %w", lastErr)
}
