// Command fleet plays many LwM2M devices over DTLS with pion: each with a pre-shared key, an association, a UDP socket
// and a replay window of its own. A device registers, updates, answers reads and Observe, and notifies confirmably; every
// notification that the server acknowledged is written to a ledger.
//
// Its argument is one JSON object (settings.go). Commands come as JSON lines on stdin: {"do":"start"}, {"do":"pause"} and
// {"do":"resume"} for notifications and Updates, {"do":"update"} for an Update of each device now, {"do":"rebind",
// "address":"127.0.0.2","count":100} moves that many devices (all without a count) to a fresh local port, {"do":"report",
// "perDevice":true}, {"do":"notify"} for a notification of each device now, {"do":"capture"} keeps the last records that each
// device sent, {"do":"replay","count":100} sends them once more for so many devices (all without a count), {"do":"leave"} de-registers every device and ends its association with close_notify, {"do":"stop"} ends
// silently. With bootstrap servers in the settings, {"do":"bootstrap"} has every device bootstrap once more, and
// {"do":"try-former"} shakes hands with what each had before. Events go as JSON lines to stdout: ready, registered (all are,
// for the first time), bootstrapped (all registered with what they were given), tried, trouble, report, rebound, left,
// stopped. The end of stdin stops too.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type command struct {
	Do        string `json:"do"`
	Address   string `json:"address"`
	Count     int    `json:"count"`
	PerDevice bool   `json:"perDevice"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: fleet SETTINGS")
		os.Exit(2)
	}
	fleet, err := newFleet(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fleet.emit("ready", map[string]any{"devices": len(fleet.devices)})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var one command
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fleet.emit("error", map[string]any{"message": err.Error()})
		} else if one.Do == "stop" {
			break
		} else {
			fleet.obey(one)
		}
	}
	fleet.stop()
	fleet.emit("stopped", map[string]any{})
}
