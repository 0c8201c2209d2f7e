package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lwm2m.cluster/pion-fleet/coap"
)

// Content-Formats of EST (RFC 9148 §4.3).
const (
	formatPKCS10      = 286
	formatCertificate = 287
)

// lingerFor is how long a device stays where it was asked to go, so that its answer can be asked for again.
const lingerFor = 300 * time.Millisecond

var (
	errBootstraps = errors.New("the device bootstraps")
	errBroken     = errors.New("the bootstrap session broke off")
	errRefused    = errors.New("the bootstrap request was refused")
)

// accounts are what a device was given by bootstrapping, and what became of it.
type accounts struct {
	mu     sync.Mutex
	due    atomic.Bool // to bootstrap, until it registered with what it was given
	broken bool        // its last session broke off
	proved *account    // it registered with it
	fresh  *account    // it was given that, and has not registered with it yet
	former *account    // what it had before proved
	using  *account    // of these, in the association of now
	again  *account    // it was refused, and is tried once more
	turn   int         // of the bootstrap servers
	// Handshakes with one credential that were refused, one after the other.
	refusals int
}

// begin has the device bootstrap first, anywhere.
func (a *accounts) begin(servers int) {
	a.due.Store(servers > 0)
	a.turn = rand.IntN(servers + 1)
}

// onceBootstrapping is one association of a device that bootstraps: with the one server or the other.
func (d *device) onceBootstrapping(ctx context.Context) error {
	with := d.choose()
	if with == nil {
		return d.bootstrapOnce(ctx)
	}
	err := d.live(ctx, with, d.respond, func(ctx context.Context, exchange *exchanges) error { return d.actWith(ctx, exchange, with) })
	a := &d.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.again = nil; d.isRefused(err) {
		a.again = with
	}
	if d.isLockedOut(err) {
		a.again, a.fresh = nil, nil
		a.due.Store(true)
	}
	return err
}

// isRefused tells a handshake that the server ended with an alert.
func (d *device) isRefused(err error) bool {
	var refused notGreeted
	return errors.As(err, &refused) && alertOf(err) >= 0
}

// isLockedOut tells, and counts, a credential that was refused twice, one time after the other: a single alert may be meant for
// who had the device's port before.
func (d *device) isLockedOut(err error) bool {
	if !d.isRefused(err) {
		d.accounts.refusals = 0
		return false
	}
	d.accounts.refusals++
	if d.accounts.refusals < 2 {
		return false
	}
	d.counters.LockedOut.Add(1)
	d.accounts.refusals = 0
	return true
}

// choose takes an account; nil: it bootstraps. After a session that broke off it may go on with anything that it has: what
// it had before, what it was given, or another session.
func (d *device) choose() *account {
	a := &d.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.again != nil {
		return a.again
	}
	if !a.due.Load() {
		return a.proved
	}
	if !a.broken {
		return a.fresh
	}
	a.broken = false
	choices := []*account{nil}
	if a.fresh != nil {
		choices = append(choices, a.fresh)
	}
	if a.proved != nil && (a.fresh == nil || !a.fresh.tried) {
		choices = append(choices, a.proved)
	}
	return choices[rand.IntN(len(choices))]
}

// actWith registers, and stays. Who registers with what it had before is due to bootstrap all the same.
func (d *device) actWith(ctx context.Context, exchange *exchanges, with *account) error {
	a := &d.accounts
	a.mu.Lock()
	a.using = with
	with.tried = true
	former := with != a.fresh && a.due.Load()
	a.mu.Unlock()
	if !former {
		return d.act(ctx, exchange)
	}
	if err := d.insist(ctx, func() error { return d.register(ctx, exchange) }); err != nil {
		return err
	}
	d.counters.FormerUsed.Add(1)
	return errBootstraps
}

// proves is called when the device registered: what it was given is its own from now on, and what it had before is over.
func (d *device) proves() {
	a := &d.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fresh != nil && a.using == a.fresh {
		a.former, a.proved, a.fresh = a.proved, a.fresh, nil
		a.due.Store(false)
	}
}

// bootstrapOnce is one session. A device whose server does not answer goes to the next one.
func (d *device) bootstrapOnce(ctx context.Context) error {
	a := &d.accounts
	a.mu.Lock()
	a.turn++
	servers := d.fleet.bootstrapServers
	with := d.own
	with.server = servers[a.turn%len(servers)]
	a.mu.Unlock()
	select { // what it is about to do
	case <-d.bootstrap:
	default:
	}
	s := &session{device: d, heard: make(chan struct{}, 1), finished: make(chan struct{}), security: map[string]map[uint16][]byte{}}
	err := d.live(ctx, &with, s.respond, s.run)
	if err == nil {
		d.counters.Bootstraps.Add(1)
		return nil
	}
	if ctx.Err() == nil {
		d.counters.BootstrapsBroken.Add(1)
		a.mu.Lock()
		d.isLockedOut(err)
		a.broken = a.refusals == 0 // else it is tried once more
		a.mu.Unlock()
	}
	return err
}

// linger leaves the server for the bootstrap server.
func (d *device) linger(ctx context.Context) error {
	if err := pause(ctx, lingerFor); err != nil {
		return err
	}
	return errBootstraps
}

// isTrigger tells Execute of the Bootstrap-Request Trigger (OMA LwM2M registry, object 1, resource 9).
func (d *device) isTrigger(path string) bool {
	return len(d.fleet.bootstrapServers) > 0 && strings.HasPrefix(path, "/1/") && strings.HasSuffix(path, "/9")
}

func (d *device) bootstrapSoon() {
	d.accounts.due.Store(true)
	nudge(d.bootstrap)
}

// session is one bootstrap session as the client has it (OMA LwM2M Core 1.1 §6.1.7).
type session struct {
	device   *device
	heard    chan struct{}
	finished chan struct{}
	once     sync.Once
	mu       sync.Mutex
	security map[string]map[uint16][]byte // instances of object 0 that were written, by path
	pending  *account                     // waits for its certificate
}

func (s *session) run(ctx context.Context, exchange *exchanges) error {
	if err := s.device.insist(ctx, func() error { return s.ask(ctx, exchange) }); err != nil {
		return err
	}
	patience := time.Duration(s.device.fleet.settings.BootstrapPatienceS * float64(time.Second))
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(patience):
			return errBroken
		case <-s.heard:
		case <-s.finished:
			if err := pause(ctx, lingerFor); err != nil {
				return err
			}
			return s.enrol(ctx, exchange)
		}
	}
}

// ask sends the Bootstrap-Request, in the format that is TLV.
func (s *session) ask(ctx context.Context, exchange *exchanges) error {
	for {
		options := coap.StringOptions(coap.URIPath, "bs")
		options = append(options, coap.StringOptions(coap.URIQuery, "ep="+s.device.endpoint, fmt.Sprintf("pct=%d", formatTLV))...)
		answer, _, err := exchange.confirm(ctx, request(coap.POST, options))
		switch {
		case err != nil:
			return err
		case answer.Code == coap.Changed:
			return nil
		case answer.Code>>5 == 4:
			s.device.counters.BootstrapsRefused.Add(1)
			return fmt.Errorf("%w with %d.%02d: %s", errRefused, answer.Code>>5, answer.Code&31, answer.Payload)
		}
		if err := s.device.refused(ctx, answer); err != nil {
			return err
		}
	}
}

// respond answers a command. What is written counts at once: a device that loses its power may come up with it.
func (s *session) respond(message *coap.Message) *coap.Message {
	nudge(s.heard)
	time.Sleep(time.Duration(s.device.fleet.settings.ThinkMs * rand.Float64() * float64(time.Millisecond)))
	path := pathOf(message)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case message.Code == coap.GET:
		return &coap.Message{Code: coap.Content, Options: []coap.Option{coap.UintOption(coap.ContentFormat, formatLink)}, Payload: s.links()}
	case message.Code == coap.DELETE:
		clear(s.security)
		return &coap.Message{Code: coap.Deleted}
	case message.Code == coap.PUT:
		return &coap.Message{Code: s.write(path, message)}
	case message.Code == coap.POST && path == "/bs":
		s.once.Do(func() { close(s.finished) })
		return &coap.Message{Code: coap.Changed}
	default:
		return &coap.Message{Code: coap.MethodNotAllowed}
	}
}

// links of OMA LwM2M Core 1.1 §6.1.7.3: the bootstrap account has no Short Server ID.
func (s *session) links() []byte {
	list := []string{`</>;lwm2m=1.1`, "</0/0>"}
	for path := range s.security {
		list = append(list, "<"+path+">;ssid=1")
	}
	return []byte(strings.Join(append(list, "</3/0>"), ","))
}

func (s *session) write(path string, message *coap.Message) byte {
	if !strings.HasPrefix(path, "/0/") {
		return coap.Changed
	}
	format, _ := message.Uint(coap.ContentFormat)
	security, ok := parseTLV(message.Payload)
	if format != formatTLV || !ok {
		return coap.BadRequest
	}
	s.security[path] = security
	if integer(security[resourceIsBootstrap]) != 0 {
		return coap.Changed
	}
	given, mode, err := accountOf(security)
	if err != nil {
		return coap.BadRequest
	}
	if s.pending = nil; mode == modeEST {
		s.pending = given
	} else {
		s.device.given(given)
	}
	return coap.Changed
}

// given is what the device is to use from now on.
func (d *device) given(fresh *account) {
	a := &d.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	if !fresh.same(a.fresh) { // the same again: it may have been used already
		a.fresh = fresh
	}
}

// enrol asks for the certificate of an account with mode 4 (RFC 9148 §4.2, simple enrolment), where there is one.
func (s *session) enrol(ctx context.Context, exchange *exchanges) error {
	s.mu.Lock()
	pending := s.pending
	s.mu.Unlock()
	if pending == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return err
	}
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: s.device.endpoint}}
	csr, err := x509.CreateCertificateRequest(crand.Reader, template, key)
	if err != nil {
		return err
	}
	var der []byte
	if err := s.device.insist(ctx, func() (err error) { der, err = s.certificate(ctx, exchange, csr); return err }); err != nil {
		return err
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		return err
	}
	pending.certificate = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s.device.counters.Enrolments.Add(1)
	s.device.given(pending)
	return nil
}

func (s *session) certificate(ctx context.Context, exchange *exchanges, csr []byte) ([]byte, error) {
	for {
		options := append(coap.StringOptions(coap.URIPath, ".well-known", "est", "sen"), coap.UintOption(coap.ContentFormat, formatPKCS10))
		message := request(coap.POST, append(options, coap.UintOption(coap.Accept, formatCertificate)))
		message.Payload = csr
		answer, _, err := exchange.confirm(ctx, message)
		switch {
		case err != nil:
			return nil, err
		case answer.Code == coap.Changed:
			return answer.Payload, nil
		case answer.Code>>5 == 4:
			s.device.counters.BootstrapsRefused.Add(1)
			return nil, fmt.Errorf("%w: enrolment with %d.%02d: %s", errRefused, answer.Code>>5, answer.Code&31, answer.Payload)
		}
		if err := s.device.refused(ctx, answer); err != nil {
			return nil, err
		}
	}
}

// bootstrap has every device bootstrap once more, and tells when all registered with what they were given.
func (f *fleet) bootstrap() {
	begun := time.Now()
	for _, device := range f.devices {
		device.bootstrapSoon()
	}
	for f.countRegistered() < len(f.devices) {
		if pause(f.ctx, 50*time.Millisecond) != nil {
			return
		}
	}
	f.emit("bootstrapped", map[string]any{"devices": len(f.devices), "tookMs": time.Since(begun).Milliseconds()})
}

// tryFormer shakes hands with what so many devices (0: all) had before, which is over: all at once, as a server answers who
// it does not know with the second Finished only.
func (f *fleet) tryFormer(count int) {
	var refused, accepted, unanswered atomic.Int64
	outcomes := map[string]*atomic.Int64{"refused": &refused, "accepted": &accepted, "unanswered": &unanswered}
	var trying sync.WaitGroup
	for i, one := range f.devices {
		one.accounts.mu.Lock()
		former := one.accounts.former
		one.accounts.mu.Unlock()
		if former == nil || (count > 0 && i >= count) {
			continue
		}
		trying.Add(1)
		go func() {
			defer trying.Done()
			outcomes[one.try(f.ctx, former)].Add(1)
		}()
	}
	trying.Wait()
	f.emit("tried", map[string]any{"refused": refused.Load(), "accepted": accepted.Load(), "unanswered": unanswered.Load()})
}

// try shakes hands beside the device's own association.
func (d *device) try(ctx context.Context, with *account) string {
	beside := &device{fleet: d.fleet, endpoint: d.endpoint}
	conn, err := beside.shakeHands(ctx, with)
	switch {
	case err == nil:
		_ = conn.Close()
		beside.mu.Lock()
		defer beside.mu.Unlock()
		_ = beside.socket.Close()
		return "accepted"
	case alertOf(err) >= 0:
		return "refused"
	default:
		return "unanswered"
	}
}
