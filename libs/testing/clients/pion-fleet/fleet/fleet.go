package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const toldTroubles = 100

type fleet struct {
	settings *settings
	server   net.Addr
	// Where devices bootstrap; none: they have what they need.
	bootstrapServers []net.Addr
	devices          []*device
	ledger           *ledger
	tap              *tap
	handshakeTook    histogram
	acknowledgedIn   histogram
	paused           atomic.Bool
	leaving          atomic.Bool
	troubles         atomic.Int64
	injector         injector

	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
	started sync.Once
	outMu   sync.Mutex
}

func newFleet(text string) (*fleet, error) {
	settings, err := parseSettings(text)
	if err != nil {
		return nil, err
	}
	f := &fleet{settings: settings}
	f.ctx, f.cancel = context.WithCancelCause(context.Background())
	if err := f.resolve(); err != nil {
		return nil, err
	}
	if f.ledger, err = openLedger(settings.LedgerFile); err != nil {
		return nil, err
	}
	if f.tap, err = openTap(settings.NonceFile); err != nil {
		return nil, err
	}
	return f, f.addDevices()
}

func (f *fleet) resolve() (err error) {
	for _, text := range f.settings.BootstrapServers {
		server, err := net.ResolveUDPAddr("udp4", text)
		if err != nil {
			return err
		}
		f.bootstrapServers = append(f.bootstrapServers, server)
	}
	if f.settings.Server != "" || len(f.bootstrapServers) == 0 {
		f.server, err = net.ResolveUDPAddr("udp4", f.settings.Server)
	}
	return err
}

func (f *fleet) addDevices() error {
	credentials, err := f.settings.credentials()
	if err != nil {
		return err
	}
	for _, one := range credentials {
		key, err := hex.DecodeString(one.KeyHex)
		if err != nil {
			return err
		}
		f.devices = append(f.devices, &device{
			fleet: f, endpoint: one.Endpoint, own: account{server: f.server, identity: []byte(one.Identity), key: key},
			wake: make(chan struct{}, 1), tell: make(chan struct{}, 1), bootstrap: make(chan struct{}, 1),
		})
		f.devices[len(f.devices)-1].accounts.begin(len(f.bootstrapServers))
	}
	return nil
}

func (f *fleet) obey(one command) {
	switch one.Do {
	case "start":
		f.started.Do(func() { go f.start() })
	case "pause":
		f.paused.Store(true)
	case "resume":
		f.paused.Store(false)
	case "update":
		for _, device := range f.devices {
			nudge(device.wake)
		}
	case "notify":
		for _, device := range f.devices {
			nudge(device.tell)
		}
	case "capture":
		f.capture()
	case "replay":
		go f.replay(one.Count)
	case "leave":
		go f.leave()
	case "rebind":
		f.rebind(one)
	case "bootstrap":
		go f.bootstrap()
	case "try-former":
		go f.tryFormer(one.Count)
	case "report":
		f.report(one.PerDevice)
	default:
		f.emit("error", map[string]any{"message": "unknown command " + one.Do})
	}
}

// nudge has a device act, unless it is about to.
func nudge(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// start lets the devices in at the rate of the settings, and tells when all are registered.
func (f *fleet) start() {
	interval := time.Duration(float64(time.Second) / f.settings.StartPerSecond)
	begun := time.Now()
	for i, device := range f.devices {
		if pause(f.ctx, time.Until(begun.Add(time.Duration(i)*interval))) != nil {
			return
		}
		f.running.Add(1)
		go func() {
			defer f.running.Done()
			device.run(f.ctx)
		}()
	}
	for f.countRegistered() < len(f.devices) {
		if pause(f.ctx, 50*time.Millisecond) != nil {
			return
		}
	}
	f.emit("registered", map[string]any{"devices": len(f.devices), "tookMs": time.Since(begun).Milliseconds()})
}

func (f *fleet) countRegistered() int {
	count := 0
	for _, device := range f.devices {
		if device.registered.Load() && !device.accounts.due.Load() {
			count++
		}
	}
	return count
}

func (f *fleet) rebind(one command) {
	address := one.Address
	if address == "" {
		address = f.settings.LocalAddress
	}
	moved := 0
	for _, device := range f.devices {
		if one.Count > 0 && moved >= one.Count {
			break
		}
		if err := device.rebind(address); err != nil {
			f.tellTrouble(device, err)
			continue
		}
		moved++
	}
	f.emit("rebound", map[string]any{"devices": moved})
}

// report tells totals, latencies and the CPU of the process; with perDevice the counters of each that differ from nothing.
func (f *fleet) report(perDevice bool) {
	_ = f.ledger.flush()
	_ = f.tap.flush()
	totals := map[string]int64{}
	devices := map[string]map[string]int64{}
	for _, device := range f.devices {
		own := map[string]int64{}
		device.counters.each(func(name string, value int64) {
			totals[name] += value
			if value != 0 {
				own[name] = value
			}
		})
		devices[device.endpoint] = own
	}
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	told := map[string]any{
		"registered": f.countRegistered(), "totals": totals,
		"cpuMs": (usage.Utime.Nano() + usage.Stime.Nano()) / 1_000_000, "maxRssKb": usage.Maxrss,
		"injected": f.injector.sent.Load(), "injectedAnswered": f.injector.answered.Load(),
		"handshakeMs": quantiles(&f.handshakeTook), "acknowledgedMs": quantiles(&f.acknowledgedIn),
	}
	if perDevice {
		told["devices"] = devices
	}
	f.emit("report", told)
}

func quantiles(h *histogram) map[string]float64 {
	return map[string]float64{"p50": h.quantileMs(0.5), "p99": h.quantileMs(0.99), "max": h.quantileMs(1)}
}

// tellTrouble tells why a device is without an association or registration; the first hundred times.
func (f *fleet) tellTrouble(device *device, err error) {
	if f.troubles.Add(1) > toldTroubles {
		return
	}
	content := map[string]any{"endpoint": device.endpoint, "reason": told(err)}
	if number := alertOf(err); number >= 0 {
		content["alert"] = number
	}
	f.emit("trouble", content)
}

func (f *fleet) emit(event string, content map[string]any) {
	content["event"] = event
	line, _ := json.Marshal(content)
	f.outMu.Lock()
	defer f.outMu.Unlock()
	_, _ = os.Stdout.Write(append(line, '\n'))
}

// leave has every device say goodbye.
func (f *fleet) leave() {
	f.leaving.Store(true)
	for _, device := range f.devices {
		nudge(device.wake)
	}
	f.running.Wait()
	f.emit("left", map[string]any{"devices": len(f.devices)})
}

func (f *fleet) stop() {
	f.cancel(errStopped)
	f.running.Wait()
	_ = f.ledger.flush()
	_ = f.tap.flush()
}

func hexOf(data []byte) string { return hex.EncodeToString(data) }
