package main

import (
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
)

// counters of one device. All are totals since the start.
type counters struct {
	Handshakes        atomic.Int64 // complete; 1 expected
	HandshakesFailed  atomic.Int64
	SessionsEnded     atomic.Int64 // by the server: an alert
	SessionsGivenUp   atomic.Int64 // by the device: no answers
	Replayed          atomic.Int64 // records refused by the replay window
	Undecryptable     atomic.Int64 // records that did not authenticate
	Foreign           atomic.Int64 // records of another device's CID, that came to a port which that one had before
	Discarded         atomic.Int64 // other records dropped
	Registers         atomic.Int64
	Updates           atomic.Int64
	Deregisters       atomic.Int64
	UpdatesNotFound   atomic.Int64 // 4.04: it registered again
	Unavailable       atomic.Int64 // 5.03
	Refused           atomic.Int64 // other codes
	Timeouts          atomic.Int64 // exchanges without an answer
	Repeated          atomic.Int64 // retransmissions
	Acknowledged      atomic.Int64 // notifications
	Reset             atomic.Int64 // notifications that the server did not know
	Observed          atomic.Int64 // Observe requests
	Requests          atomic.Int64 // other requests of the server
	DuplicateRequests atomic.Int64 // with a message id that it knew
	Rebinds           atomic.Int64
	Bootstraps        atomic.Int64 // sessions that were finished
	BootstrapsBroken  atomic.Int64 // sessions that were not
	BootstrapsRefused atomic.Int64 // requests answered with 4.xx
	Enrolments        atomic.Int64 // certificates that came by EST
	FormerUsed        atomic.Int64 // registrations with what it had before, after a session that was broken off
	LockedOut         atomic.Int64 // credentials refused that have to hold
}

// each calls with the name and value of every counter.
func (c *counters) each(call func(name string, value int64)) {
	call("handshakes", c.Handshakes.Load())
	call("handshakesFailed", c.HandshakesFailed.Load())
	call("sessionsEnded", c.SessionsEnded.Load())
	call("sessionsGivenUp", c.SessionsGivenUp.Load())
	call("replayed", c.Replayed.Load())
	call("undecryptable", c.Undecryptable.Load())
	call("foreign", c.Foreign.Load())
	call("discarded", c.Discarded.Load())
	call("registers", c.Registers.Load())
	call("updates", c.Updates.Load())
	call("deregisters", c.Deregisters.Load())
	call("updatesNotFound", c.UpdatesNotFound.Load())
	call("unavailable", c.Unavailable.Load())
	call("refused", c.Refused.Load())
	call("timeouts", c.Timeouts.Load())
	call("repeated", c.Repeated.Load())
	call("acknowledged", c.Acknowledged.Load())
	call("reset", c.Reset.Load())
	call("observed", c.Observed.Load())
	call("requests", c.Requests.Load())
	call("duplicateRequests", c.DuplicateRequests.Load())
	call("rebinds", c.Rebinds.Load())
	call("bootstraps", c.Bootstraps.Load())
	call("bootstrapsBroken", c.BootstrapsBroken.Load())
	call("bootstrapsRefused", c.BootstrapsRefused.Load())
	call("enrolments", c.Enrolments.Load())
	call("formerUsed", c.FormerUsed.Load())
	call("lockedOut", c.LockedOut.Load())
}

// refusals is pion's logger: the only place where pion tells of records that it drops.
type refusals struct{ device *device }

// NewLogger is the LoggerFactory's.
func (r refusals) NewLogger(string) logging.LeveledLogger { return r }

// Debugf is told of each dropped record.
func (r refusals) Debugf(format string, _ ...any) { r.count(format) }

// Debug likewise.
func (r refusals) Debug(message string) { r.count(message) }

func (r refusals) count(message string) {
	switch {
	case strings.HasPrefix(message, "discarded duplicated packet"):
		r.device.counters.Replayed.Add(1)
	case strings.Contains(message, "decrypt failed"):
		r.device.onUndecryptable()
	case strings.HasPrefix(message, "discarded"), strings.HasPrefix(message, "unexpected connection ID"), strings.Contains(message, "inner plaintext"):
		r.device.counters.Discarded.Add(1)
	}
}

// The other levels tell nothing that is counted.

func (refusals) Trace(string)          {}
func (refusals) Tracef(string, ...any) {}
func (refusals) Info(string)           {}
func (refusals) Infof(string, ...any)  {}
func (refusals) Warn(string)           {}
func (refusals) Warnf(string, ...any)  {}
func (refusals) Error(string)          {}
func (refusals) Errorf(string, ...any) {}

// histogram counts durations in steps of a quarter of an octave, from a microsecond up.
type histogram struct{ steps [128]atomic.Int64 }

func (h *histogram) add(took time.Duration) {
	step := int(4 * math.Log2(float64(max(took.Microseconds(), 1))))
	h.steps[min(step, len(h.steps)-1)].Add(1)
}

// quantileMs is the upper edge of the step that holds it.
func (h *histogram) quantileMs(q float64) float64 {
	total := int64(0)
	for i := range h.steps {
		total += h.steps[i].Load()
	}
	seen := int64(0)
	for i := range h.steps {
		if seen += h.steps[i].Load(); seen > 0 && float64(seen) >= q*float64(total) {
			return math.Round(math.Exp2(float64(i+1)/4)) / 1_000
		}
	}
	return 0
}
