package main

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keptSent        = 4
	foreignSockets  = 8
	replayPerSecond = 4_000
)

// sentRecords are the last protected datagrams that a device sent, and those that were captured: what somebody on the way
// could have written down. Only what the server is known to have accepted is captured: a record that never came is news,
// and RFC 9146 §6 has it move the address, whoever sends it on.
type sentRecords struct {
	mu       sync.Mutex
	last     [][]byte
	count    uint64 // all that were sent
	accepted uint64 // those up to this one
	captured [][]byte
}

func (s *sentRecords) add(data []byte) {
	if records := recordsOf(data, 0); len(data) == 0 || data[0] != contentTypeCID && (len(records) == 0 || records[0].epoch() == 0) {
		return // a handshake
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) >= keptSent {
		s.last = s.last[1:]
	}
	s.last = append(s.last, bytes.Clone(data))
	s.count++
}

// mark names what was sent until now.
func (s *sentRecords) mark() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// accept says that the server answered what was sent up to the mark.
func (s *sentRecords) accept(mark uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = max(s.accepted, mark)
}

func (s *sentRecords) capture() {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.count - s.accepted
	s.captured = append([][]byte(nil), s.last[:max(0, len(s.last)-int(since))]...)
}

func (s *sentRecords) take() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	captured := s.captured
	s.captured = nil
	return captured
}

// injector sends captured records once more, from sockets that belong to no device.
type injector struct {
	mu       sync.Mutex
	sockets  []*net.UDPConn
	sent     atomic.Int64
	answered atomic.Int64 // what came to them for a device: nothing is expected
}

// capture keeps what each device sent last, as what was under way to a worker that is about to die.
func (f *fleet) capture() {
	for _, device := range f.devices {
		device.sent.capture()
	}
	f.emit("captured", map[string]any{})
}

// replay sends what was captured of some devices twice: from the device's own address, and from a foreign one.
func (f *fleet) replay(count int) {
	f.injector.mu.Lock()
	defer f.injector.mu.Unlock()
	if err := f.openForeign(); err != nil {
		f.emit("error", map[string]any{"message": err.Error()})
	}
	before := f.injector.sent.Load()
	replayed := 0
	for _, index := range rand.Perm(len(f.devices)) {
		if count > 0 && replayed >= count {
			break
		}
		if f.injector.replay(f.devices[index]) {
			replayed++
		}
	}
	f.emit("replayed", map[string]any{"devices": replayed, "records": f.injector.sent.Load() - before})
}

func (f *fleet) openForeign() error {
	for len(f.injector.sockets) < foreignSockets {
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(f.settings.LocalAddress)})
		if err != nil {
			return err
		}
		f.injector.sockets = append(f.injector.sockets, socket)
		go f.watchForeign(socket)
	}
	return nil
}

// watchForeign counts records for devices; whatever else comes to the port is not of this fleet.
func (f *fleet) watchForeign(socket *net.UDPConn) {
	buffer := make([]byte, largestDatagram)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		if device := f.deviceOf(buffer[:n]); device != nil {
			f.injector.answered.Add(1)
			f.emit("answered", map[string]any{
				"endpoint": device.endpoint, "from": from.String(), "to": socket.LocalAddr().String(), "datagram": hexOf(buffer[:n]),
			})
		}
	}
}

// deviceOf finds the device whose CID a datagram's first record carries.
func (f *fleet) deviceOf(data []byte) *device {
	for _, device := range f.devices {
		cid := device.cid.Load()
		if cid == nil || len(data) < recordHeader-2+len(*cid) {
			continue
		}
		if data[0] == contentTypeCID && bytes.HasPrefix(data[recordHeader-2:], *cid) {
			return device
		}
	}
	return nil
}

// replay tells whether there was something to replay.
func (i *injector) replay(device *device) bool {
	records := device.sent.take()
	device.mu.Lock()
	own := device.socket
	device.mu.Unlock()
	if own == nil || len(i.sockets) == 0 {
		return false
	}
	for _, record := range records {
		_, _ = own.write(record, device.fleet.server)
		_, _ = i.sockets[rand.IntN(len(i.sockets))].WriteTo(record, device.fleet.server)
		i.sent.Add(2)
		time.Sleep(2 * time.Second / replayPerSecond)
	}
	return len(records) > 0
}
