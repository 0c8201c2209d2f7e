package main

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"lwm2m.cluster/pion-fleet/coap"
)

const (
	keptAnswers      = 16
	mostObservations = 8
)

// receive takes what the server sends until the association ends.
func (d *device) receive(ctx context.Context, conn *dtls.Conn, exchange *exchanges, end context.CancelCauseFunc) {
	buffer := make([]byte, largestDatagram)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			if ctx.Err() == nil { // the server ended it: pion says EOF of a close_notify
				d.counters.SessionsEnded.Add(1)
			}
			end(err)
			return
		}
		message, err := coap.Parse(bytes.Clone(buffer[:n]))
		if err != nil {
			d.counters.Discarded.Add(1)
			continue
		}
		if answer := d.onMessage(message, exchange); answer != nil {
			_, _ = conn.Write(answer)
		}
	}
}

func (d *device) onMessage(message *coap.Message, exchange *exchanges) []byte {
	switch {
	case message.IsRequest():
		return d.onRequest(message)
	case exchange.answer(message) && message.Type == coap.Confirmable:
		return bare(coap.Acknowledgment, message.ID)
	case message.Type == coap.Confirmable: // also the ping of RFC 7252 §4.3
		return bare(coap.Reset, message.ID)
	default:
		return nil
	}
}

func bare(kind byte, id uint16) []byte {
	return (&coap.Message{Type: kind, ID: id}).Marshal()
}

func (d *device) onRequest(message *coap.Message) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if answer, known := d.answered[message.ID]; known { // RFC 7252 §4.5
		d.counters.DuplicateRequests.Add(1)
		return answer
	}
	response := d.answering(message)
	response.Type, response.ID, response.Token = coap.Acknowledgment, message.ID, message.Token
	if message.Type == coap.NonConfirmable {
		response.Type = coap.NonConfirmable
	}
	answer := response.Marshal()
	d.answered[message.ID] = answer
	if d.answeredIDs = append(d.answeredIDs, message.ID); len(d.answeredIDs) > keptAnswers {
		delete(d.answered, d.answeredIDs[0])
		d.answeredIDs = d.answeredIDs[1:]
	}
	return answer
}

// responder answers what a server asks.
type responder func(*coap.Message) *coap.Message

func pathOf(message *coap.Message) string {
	return "/" + strings.Join(message.Strings(coap.URIPath), "/")
}

func (d *device) respond(message *coap.Message) *coap.Message {
	path := pathOf(message)
	if message.Code == coap.POST && d.isTrigger(path) {
		d.bootstrapSoon()
	}
	switch message.Code {
	case coap.GET:
		return d.read(path, message)
	case coap.PUT, coap.POST: // taken, and not kept
		d.counters.Requests.Add(1)
		return &coap.Message{Code: coap.Changed}
	default:
		d.counters.Requests.Add(1)
		return &coap.Message{Code: coap.MethodNotAllowed}
	}
}

// read answers Read, Discover, Observe and Cancel Observation.
func (d *device) read(path string, message *coap.Message) *coap.Message {
	accept, ok := message.Uint(coap.Accept)
	if !ok {
		accept = formatSenMLCBOR
	}
	observe, observing := message.Uint(coap.Observe)
	if !observing || observe != 0 {
		d.counters.Requests.Add(1)
		delete(d.observations, string(message.Token))
		return d.content(path, accept)
	}
	d.counters.Observed.Add(1)
	response := d.content(path, accept)
	if response.Code == coap.Content {
		d.observe(message.Token, path, accept)
		response.Options = append([]coap.Option{coap.UintOption(coap.Observe, 1)}, response.Options...)
	}
	return response
}

// observe keeps one observation of a path: a further one of the same path takes its place, as the server has it once.
func (d *device) observe(token []byte, path string, accept uint32) {
	for other, existing := range d.observations {
		if existing.path == path || len(d.observations) >= mostObservations {
			delete(d.observations, other)
		}
	}
	d.observations[string(token)] = &observation{token: token, path: path, accept: accept, count: 1}
}

func (d *device) content(path string, accept uint32) *coap.Message {
	code, payload := d.resources().read(path, accept)
	if code != coap.Content {
		return &coap.Message{Code: code}
	}
	return &coap.Message{Code: code, Options: []coap.Option{coap.UintOption(coap.ContentFormat, accept)}, Payload: payload}
}

// notifyAll changes the value and notifies all that observe it, confirmably. Once acknowledged it is in the ledger.
func (d *device) notifyAll(ctx context.Context, exchange *exchanges) error {
	d.mu.Lock()
	value := d.value + 1
	observations := make([]*observation, 0, len(d.observations))
	for _, one := range d.observations {
		if d.resources().under(one.path) != nil && strings.HasPrefix(d.fleet.settings.Path, one.path) {
			observations = append(observations, one)
		}
	}
	d.mu.Unlock()
	for _, one := range observations {
		if err := d.notify(ctx, exchange, one, value); err != nil {
			return err
		}
	}
	return nil
}

func (d *device) notify(ctx context.Context, exchange *exchanges, to *observation, value int64) error {
	d.mu.Lock()
	d.value = value
	to.count = (to.count + 1) & 0xffffff // RFC 7641 §3.4
	count := to.count
	message := d.content(to.path, to.accept)
	d.mu.Unlock()
	message.Type, message.Token = coap.Confirmable, to.token
	message.Options = append([]coap.Option{coap.UintOption(coap.Observe, count)}, message.Options...)
	sent := time.Now()
	answer, transmissions, err := exchange.confirm(ctx, message)
	if err != nil {
		return err
	}
	if answer.Type == coap.Reset {
		d.counters.Reset.Add(1)
		d.mu.Lock()
		delete(d.observations, string(to.token))
		d.mu.Unlock()
		return nil
	}
	d.counters.Acknowledged.Add(1)
	if transmissions == 1 {
		d.fleet.acknowledgedIn.add(time.Since(sent))
	}
	d.fleet.ledger.add(entry{
		Endpoint: d.endpoint, Path: d.fleet.settings.Path, Value: value, Observe: count, MessageID: message.ID,
		TokenHex: hexOf(to.token), Transmissions: transmissions, SentMs: sent.UnixMilli(), AckedMs: time.Now().UnixMilli(),
	})
	return nil
}
