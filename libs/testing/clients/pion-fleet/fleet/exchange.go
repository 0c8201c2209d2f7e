package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"lwm2m.cluster/pion-fleet/coap"
)

// RFC 7252 §4.8.
const (
	ackTimeout      = 2 * time.Second
	ackRandomFactor = 1.5
	maxRetransmit   = 4
	maxTransmitWait = 93 * time.Second
)

var errNoAnswer = errors.New("no answer")

// exchanges of one association: what waits for an acknowledgement or a response.
type exchanges struct {
	mu      sync.Mutex
	out     io.Writer
	nextID  uint16
	byID    map[uint16]chan *coap.Message
	byToken map[string]chan *coap.Message
	repeats func()
	records *sentRecords
}

func newExchanges(out io.Writer, repeats func(), records *sentRecords) *exchanges {
	return &exchanges{
		out: out, nextID: uint16(rand.Uint32()), repeats: repeats, records: records,
		byID: map[uint16]chan *coap.Message{}, byToken: map[string]chan *coap.Message{},
	}
}

// confirm sends a Confirmable message until it is acknowledged or reset, and a request until it has its response. It
// returns the last answer and how often the message was sent.
func (e *exchanges) confirm(ctx context.Context, message *coap.Message) (*coap.Message, int, error) {
	answers, done := e.open(message)
	defer done()
	data := message.Marshal()
	patience := time.Duration(float64(ackTimeout) * (1 + rand.Float64()*(ackRandomFactor-1)))
	for sent := 1; ; sent++ {
		if sent > 1 {
			e.repeats()
		}
		if _, err := e.out.Write(data); err != nil {
			return nil, sent, err
		}
		mark := e.records.mark()
		answer, err := next(ctx, answers, patience)
		if err == nil && sent == 1 {
			e.records.accept(mark)
		}
		if err == nil && answer.Code == coap.Empty && answer.Type == coap.Acknowledgment && message.IsRequest() {
			answer, err = next(ctx, answers, maxTransmitWait) // RFC 7252 §5.2.2: the response comes separately
			return answer, sent, err
		}
		if !errors.Is(err, errNoAnswer) || sent > maxRetransmit {
			return answer, sent, err
		}
		patience *= 2
	}
}

func next(ctx context.Context, answers <-chan *coap.Message, patience time.Duration) (*coap.Message, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case answer := <-answers:
		return answer, nil
	case <-timer.C:
		return nil, errNoAnswer
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (e *exchanges) open(message *coap.Message) (<-chan *coap.Message, func()) {
	answers := make(chan *coap.Message, 2)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.nextID++
	message.ID = e.nextID
	e.byID[message.ID] = answers
	if message.IsRequest() {
		e.byToken[string(message.Token)] = answers
	}
	return answers, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.byID, message.ID)
		delete(e.byToken, string(message.Token))
	}
}

// answer hands an acknowledgement, a reset or a response to who waits for it. It tells whether somebody does.
func (e *exchanges) answer(message *coap.Message) bool {
	e.mu.Lock()
	waiting, ok := e.byToken[string(message.Token)]
	if message.Type == coap.Acknowledgment || message.Type == coap.Reset {
		waiting, ok = e.byID[message.ID]
	}
	e.mu.Unlock()
	if ok {
		select {
		case waiting <- message:
		default: // it has more than it needs
		}
	}
	return ok
}
