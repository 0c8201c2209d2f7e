package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Several Leshan clients in one process, each with a Scandium association, a replay window and a UDP socket of its own. They
 * register, update, and send their changing value with Send, which the server answers; what it answered is in a ledger.
 * Argument: {"uri":.., "devices":[{"endpoint":.., "identity":.., "keyHex":..}], "lifetimeS":60, "cidLength":6, "sendS":1,
 * "ledgerFile":..}.
 *
 * <p>Commands: {"do":"start"}, {"do":"pause"} for no more Sends, {"do":"report"}, {"do":"quit"}. Events: ready, registered
 * (all are, for the first time), report. The end of stdin quits too.
 */
public final class FleetMain {
    private static final int START_EVERY_MS = 50;
    private static final int LEDGER_POLL_MS = 100;

    private final List<FleetDevice> devices = new ArrayList<>();
    private final FleetCounters counters = new FleetCounters();
    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);
    private final BufferedWriter ledger;
    private final JsonNode settings;

    private FleetMain(JsonNode settings) throws Exception {
        this.settings = settings;
        ledger = Files.newBufferedWriter(Path.of(settings.get("ledgerFile").asText()));
        for (JsonNode one : settings.get("devices")) devices.add(new FleetDevice(settings, one, counters, this::acknowledged));
    }

    public static void main(String[] args) throws Exception {
        FleetMain main = new FleetMain(Lines.parse(args[0]));
        Lines.emit("ready", Lines.node());
        Lines.readCommands(main::obey);
        main.timer.shutdownNow();
        main.devices.forEach(FleetDevice::destroy);
        System.exit(0);
    }

    private void obey(JsonNode command) throws IOException {
        switch (command.path("do").asText()) {
            case "start" -> start();
            case "pause" -> devices.forEach(FleetDevice::pause);
            case "report" -> report();
            default -> Lines.emit("error", Lines.node().put("message", "unknown command " + command));
        }
    }

    private void start() {
        long sendMs = Math.round(settings.path("sendS").asDouble(1) * 1_000);
        Random random = new Random();
        for (int i = 0; i < devices.size(); i++) {
            FleetDevice device = devices.get(i);
            timer.schedule(device::start, (long) i * START_EVERY_MS, TimeUnit.MILLISECONDS);
            timer.scheduleAtFixedRate(device::send, sendMs + random.nextInt((int) sendMs), sendMs, TimeUnit.MILLISECONDS);
        }
        timer.schedule(this::tellRegistered, LEDGER_POLL_MS, TimeUnit.MILLISECONDS);
    }

    private void tellRegistered() {
        if (devices.stream().allMatch(FleetDevice::isRegistered)) Lines.emit("registered", Lines.node().put("devices", devices.size()));
        else timer.schedule(this::tellRegistered, LEDGER_POLL_MS, TimeUnit.MILLISECONDS);
    }

    private synchronized void acknowledged(String endpoint, long value) {
        try {
            ledger.write(Lines.node().put("endpoint", endpoint).put("value", value) + "\n");
        } catch (IOException error) {
            Lines.emit("error", Lines.node().put("message", "ledger: " + error));
        }
    }

    private synchronized void report() throws IOException {
        ledger.flush();
        ObjectNode told = Lines.node().put("registered", devices.stream().filter(FleetDevice::isRegistered).count());
        told.set("totals", counters.asJson());
        Lines.emit("report", told);
    }
}
