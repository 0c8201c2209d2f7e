package main

import (
	"net"
	"sync"
	"time"
)

// socket is a device's UDP socket. Its local address can change under a live DTLS association, as behind a NAT that
// forgot the device; what it receives and sends is looked at.
type socket struct {
	mu           sync.Mutex
	conn         *net.UDPConn
	readDeadline time.Time
	closed       bool
	onReceive    func([]byte)
	onSend       func([]byte)
}

func openSocket(address string, onReceive, onSend func([]byte)) (*socket, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(address)})
	if err != nil {
		return nil, err
	}
	return &socket{conn: conn, onReceive: onReceive, onSend: onSend}, nil
}

// rebind goes on from a fresh port of the address.
func (s *socket) rebind(address string) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(address)})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return conn.Close()
	}
	former := s.conn
	s.conn = conn
	_ = conn.SetReadDeadline(s.readDeadline)
	return former.Close() // wakes the reader, which goes on with the new one
}

func (s *socket) current() *net.UDPConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// ReadFrom is the PacketConn's.
func (s *socket) ReadFrom(buffer []byte) (int, net.Addr, error) {
	for {
		conn := s.current()
		n, from, err := conn.ReadFrom(buffer)
		if err == nil {
			s.onReceive(buffer[:n])
			return n, from, nil
		}
		if s.current() == conn {
			return n, from, err
		}
	}
}

// WriteTo is the PacketConn's. A rebinding meanwhile loses the datagram, as the network may.
func (s *socket) WriteTo(data []byte, to net.Addr) (int, error) {
	s.onSend(data)
	return s.write(data, to)
}

func (s *socket) write(data []byte, to net.Addr) (int, error) {
	n, err := s.current().WriteTo(data, to)
	if err != nil && !s.isClosed() {
		return len(data), nil
	}
	return n, err
}

func (s *socket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close is the PacketConn's.
func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.conn.Close()
}

// LocalAddr is the PacketConn's.
func (s *socket) LocalAddr() net.Addr { return s.current().LocalAddr() }

// SetDeadline is the PacketConn's.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetReadDeadline is the PacketConn's.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readDeadline = t
	return s.conn.SetReadDeadline(t)
}

// SetWriteDeadline is the PacketConn's.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
