package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/protocol/alert"
)

// shakeHands opens a fresh association over the device's socket.
func (d *device) shakeHands(ctx context.Context, with *account) (*dtls.Conn, error) {
	socket, err := openSocket(d.fleet.settings.LocalAddress, d.onDatagram, d.sent.add)
	if err != nil {
		return nil, err
	}
	d.association.Add(1)
	conn, err := dtls.ClientWithOptions(socket, with.server, d.options(with)...)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	started := time.Now()
	limited, cancel := context.WithTimeout(ctx, time.Duration(d.fleet.settings.HandshakeS*float64(time.Second)))
	defer cancel()
	if err := conn.HandshakeContext(limited); err != nil {
		_ = conn.Close()
		_ = socket.Close()
		return nil, err
	}
	d.setSocket(socket)
	d.fleet.handshakeTook.add(time.Since(started))
	return conn, nil
}

func (d *device) options(with *account) []dtls.ClientOption {
	s := d.fleet.settings
	options := append(with.options(), dtls.WithReplayProtectionWindow(s.ReplayWindow), dtls.WithLoggerFactory(refusals{d}))
	if s.CidLength != nil && *s.CidLength == 0 {
		options = append(options, dtls.WithConnectionIDGenerator(dtls.OnlySendCIDGenerator()))
	} else if s.CidLength != nil {
		options = append(options, dtls.WithConnectionIDGenerator(d.drawCID))
	}
	if s.MTU > 0 {
		options = append(options, dtls.WithMTU(s.MTU))
	}
	return options
}

// drawCID makes the device's own CID of this association.
func (d *device) drawCID() []byte {
	cid := dtls.RandomCIDGenerator(*d.fleet.settings.CidLength)()
	d.cid.Store(&cid)
	return cid
}

// onDatagram looks at what comes in, before pion does. A port that another device just left still gets that one's records:
// pion can't decrypt them, and does not look at their CID before it tries.
func (d *device) onDatagram(data []byte) {
	var own []byte
	if cid := d.cid.Load(); cid != nil {
		own = *cid
	}
	d.lastForeign.Store(false)
	for _, record := range recordsOf(data, len(own)) {
		if len(own) > 0 && record.contentType() == contentTypeCID && !bytes.Equal(record.cid, own) {
			d.counters.Foreign.Add(1)
			d.lastForeign.Store(true)
			continue
		}
		d.fleet.tap.record(d.endpoint, d.association.Load(), record)
	}
	d.lastReceived.Store(&data)
}

// onUndecryptable tells of a record of the device's own that did not authenticate.
func (d *device) onUndecryptable() {
	if d.lastForeign.Load() {
		return
	}
	d.counters.Undecryptable.Add(1)
	if last := d.lastReceived.Load(); last != nil {
		d.fleet.emit("undecryptable", map[string]any{"endpoint": d.endpoint, "datagram": hexOf(*last)})
	}
}

// unknownPSKIdentity is the one alert of these servers that pion has no name for (RFC 4279 §6).
const unknownPSKIdentity = 115

// alertOf finds the server's alert in what pion says; -1 where there was none.
func alertOf(err error) int {
	_, text, found := strings.Cut(err.Error(), "alert: Alert ")
	if !found {
		return -1
	}
	for number := 0; number < 256; number++ {
		if description := alert.Description(number); description.String() != nameless && strings.HasSuffix(text, ": "+description.String()) {
			return number
		}
	}
	return unknownPSKIdentity
}

var nameless = alert.Description(255).String()

// told is what the device tells of a failed handshake.
func told(err error) string {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout()) {
		return "no answer"
	}
	return fmt.Sprint(err)
}
