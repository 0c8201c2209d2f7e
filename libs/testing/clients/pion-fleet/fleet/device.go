package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"lwm2m.cluster/pion-fleet/coap"
)

const largestDatagram = 2_048

var (
	errGivenUp = errors.New("no answers: the device shakes hands again")
	errStopped = errors.New("the fleet stops")
	errLeft    = errors.New("the device left")
)

// notGreeted is why a handshake failed.
type notGreeted struct{ error }

// Unwrap is the error's.
func (e notGreeted) Unwrap() error { return e.error }

// device is one LwM2M client with an association of its own.
type device struct {
	fleet       *fleet
	endpoint    string
	own         account // what it came with
	accounts    accounts
	counters    counters
	association atomic.Uint64
	registered  atomic.Bool
	cid         atomic.Pointer[[]byte]
	sent        sentRecords

	lastForeign  atomic.Bool
	lastReceived atomic.Pointer[[]byte]

	mu           sync.Mutex
	socket       *socket
	location     []string
	answering    responder
	observations map[string]*observation // by token
	answered     map[uint16][]byte       // answers to the last requests, by message id
	answeredIDs  []uint16
	value        int64 // of the changing resource; none is notified by two exchanges
	wake         chan struct{}
	tell         chan struct{}
	bootstrap    chan struct{} // it is to bootstrap now
}

type observation struct {
	token  []byte
	path   string
	accept uint32
	count  uint32
}

// run keeps the device alive until the fleet stops.
func (d *device) run(ctx context.Context) {
	for ctx.Err() == nil && !d.fleet.leaving.Load() {
		err := d.once(ctx)
		d.registered.Store(false)
		if ctx.Err() != nil || errors.Is(err, errLeft) {
			return
		}
		if err == nil || errors.Is(err, errBootstraps) { // it goes on elsewhere
			continue
		}
		d.fleet.tellTrouble(d, err)
		pause(ctx, time.Duration(float64(time.Second)*(1+2*rand.Float64())))
	}
}

// once is one association: with the LwM2M server, unless the device is to bootstrap.
func (d *device) once(ctx context.Context) error {
	if len(d.fleet.bootstrapServers) > 0 {
		return d.onceBootstrapping(ctx)
	}
	return d.live(ctx, &d.own, d.respond, d.act)
}

// live is one association, from its handshake to its end: what the server asks is answered, while the device acts.
func (d *device) live(ctx context.Context, with *account, respond responder, act func(context.Context, *exchanges) error) error {
	conn, err := d.shakeHands(ctx, with)
	if err != nil {
		if ctx.Err() == nil {
			d.counters.HandshakesFailed.Add(1)
		}
		return notGreeted{err}
	}
	d.counters.Handshakes.Add(1)
	d.forget(respond)
	defer d.hangUp(ctx, conn)
	alive, end := context.WithCancelCause(ctx)
	defer end(errStopped)
	exchange := newExchanges(conn, func() { d.counters.Repeated.Add(1) }, &d.sent)
	go d.receive(alive, conn, exchange, end)
	return act(alive, exchange)
}

// forget what belonged to the former association: observations and answers.
func (d *device) forget(respond responder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answering = respond
	d.observations, d.answered, d.answeredIDs = map[string]*observation{}, map[uint16][]byte{}, nil
}

// hangUp ends the association: silently where the fleet stops, as a device that loses power.
func (d *device) hangUp(ctx context.Context, conn *dtls.Conn) {
	d.mu.Lock()
	socket := d.socket
	d.mu.Unlock()
	if ctx.Err() != nil {
		_ = socket.Close()
	}
	_ = conn.Close()
	_ = socket.Close()
}

// act registers and then updates and notifies, one exchange at a time (RFC 7252 §4.7: NSTART is 1).
func (d *device) act(ctx context.Context, exchange *exchanges) error {
	if err := d.insist(ctx, func() error { return d.register(ctx, exchange) }); err != nil {
		return err
	}
	update, notify := schedule(d.fleet.settings.UpdateS), schedule(d.fleet.settings.NotifyS)
	defer update.Stop()
	defer notify.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-update.C:
			again(update, d.fleet.settings.UpdateS)
			if !d.fleet.paused.Load() {
				err = d.insist(ctx, func() error { return d.update(ctx, exchange) })
			}
		case <-notify.C:
			again(notify, d.fleet.settings.NotifyS)
			if !d.fleet.paused.Load() {
				err = d.insist(ctx, func() error { return d.notifyAll(ctx, exchange) })
			}
		case <-d.bootstrap:
			return d.linger(ctx)
		case <-d.tell:
			err = d.insist(ctx, func() error { return d.notifyAll(ctx, exchange) })
		case <-d.wake:
			if d.fleet.leaving.Load() {
				return d.deregister(ctx, exchange)
			}
			err = d.insist(ctx, func() error { return d.update(ctx, exchange) })
		}
		if err != nil {
			return err
		}
	}
}

// insist repeats an exchange that gets no answer until the device gives its association up.
func (d *device) insist(ctx context.Context, exchange func() error) error {
	for unanswered := 0; ; {
		err := exchange()
		if !errors.Is(err, errNoAnswer) {
			return err
		}
		d.counters.Timeouts.Add(1)
		if unanswered++; unanswered >= d.fleet.settings.GiveUpAfter {
			d.counters.SessionsGivenUp.Add(1)
			return errGivenUp
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (d *device) register(ctx context.Context, exchange *exchanges) error {
	for {
		query := []string{"ep=" + d.endpoint, fmt.Sprintf("lt=%d", d.fleet.settings.LifetimeS), "lwm2m=1.1", "b=U"}
		if d.fleet.settings.QueueMode {
			query = append(query, "Q")
		}
		options := append(coap.StringOptions(coap.URIPath, "rd"), coap.UintOption(coap.ContentFormat, formatLink))
		message := request(coap.POST, append(options, coap.StringOptions(coap.URIQuery, query...)...))
		message.Payload = []byte(d.resources().links())
		answer, _, err := exchange.confirm(ctx, message)
		if err != nil {
			return err
		}
		if answer.Code == coap.Created {
			d.mu.Lock()
			d.location = answer.Strings(coap.LocationPath)
			d.mu.Unlock()
			d.counters.Registers.Add(1)
			d.proves()
			d.registered.Store(true)
			return nil
		}
		if err := d.refused(ctx, answer); err != nil {
			return err
		}
	}
}

func (d *device) update(ctx context.Context, exchange *exchanges) error {
	for {
		d.mu.Lock()
		location := d.location
		d.mu.Unlock()
		answer, _, err := exchange.confirm(ctx, request(coap.POST, coap.StringOptions(coap.URIPath, location...)))
		switch {
		case err != nil:
			return err
		case answer.Code == coap.Changed:
			d.counters.Updates.Add(1)
			return nil
		case answer.Code == coap.NotFound:
			d.counters.UpdatesNotFound.Add(1)
			return d.register(ctx, exchange)
		}
		if err := d.refused(ctx, answer); err != nil {
			return err
		}
	}
}

// deregister ends the registration; the end of the association follows.
func (d *device) deregister(ctx context.Context, exchange *exchanges) error {
	d.mu.Lock()
	location := d.location
	d.mu.Unlock()
	answer, _, err := exchange.confirm(ctx, request(coap.DELETE, coap.StringOptions(coap.URIPath, location...)))
	if err == nil && answer.Code == coap.Deleted {
		d.counters.Deregisters.Add(1)
	}
	return errLeft
}

// refused waits as long as the server asks for (RFC 7252 §5.9.3.4), or some seconds.
func (d *device) refused(ctx context.Context, answer *coap.Message) error {
	seconds := 10 + 10*rand.Float64()
	if answer.Code == coap.Unavailable {
		d.counters.Unavailable.Add(1)
		if maxAge, ok := answer.Uint(coap.MaxAge); ok {
			seconds = float64(maxAge)
		}
	} else {
		d.counters.Refused.Add(1)
		d.fleet.tellTrouble(d, fmt.Errorf("refused with %d.%02d", answer.Code>>5, answer.Code&31))
	}
	return pause(ctx, time.Duration(seconds*float64(time.Second)))
}

func (d *device) resources() resources {
	own := resources{"/3/0/0": "pion", "/3/0/1": "fleet", "/3/0/16": "U", d.fleet.settings.Path: d.value}
	if len(d.fleet.bootstrapServers) > 0 {
		own["/1/0/0"] = int64(1)
	}
	return own
}

func (d *device) setSocket(socket *socket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.socket = socket
}

// rebind moves the device to another local port, and on to the server with its next message.
func (d *device) rebind(address string) error {
	d.mu.Lock()
	socket := d.socket
	d.mu.Unlock()
	if socket == nil {
		return nil
	}
	d.counters.Rebinds.Add(1)
	return socket.rebind(address)
}

func request(code byte, options []coap.Option) *coap.Message {
	token := make([]byte, 8)
	for i := range token {
		token[i] = byte(rand.Uint32())
	}
	return &coap.Message{Type: coap.Confirmable, Code: code, Token: token, Options: options}
}

// schedule starts a timer whose first time is anywhere in the interval, so that devices don't go in step.
func schedule(intervalS float64) *time.Timer {
	if intervalS <= 0 {
		timer := time.NewTimer(time.Hour)
		timer.Stop()
		return timer
	}
	return time.NewTimer(time.Duration(intervalS * rand.Float64() * float64(time.Second)))
}

func again(timer *time.Timer, intervalS float64) {
	timer.Reset(time.Duration(intervalS * (0.9 + 0.2*rand.Float64()) * float64(time.Second)))
}

func pause(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
