package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.LongNode;
import java.net.InetAddress;
import java.util.List;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.client.LeshanClient;
import org.eclipse.leshan.client.LeshanClientBuilder;
import org.eclipse.leshan.client.engine.DefaultRegistrationEngineFactory;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.observer.LwM2mClientObserverAdapter;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.LwM2mId;
import org.eclipse.leshan.core.ResponseCode;
import org.eclipse.leshan.core.model.StaticModel;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.RegisterRequest;
import org.eclipse.leshan.core.request.UpdateRequest;
import org.eclipse.leshan.core.response.SendResponse;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointsProvider;

/** A device of a fleet: it sends one value after the other, and each until it has its answer or none came. */
final class FleetDevice extends LwM2mClientObserverAdapter {
    private static final long ANSWER_TIMEOUT_MS = 100_000; // longer than MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2)
    private static final int SENSOR = 3303;
    private static final int VALUE = 5700;

    /** Told of each value that the server answered with success. */
    interface Acknowledged {
        void acknowledged(String endpoint, long value);
    }

    private final String endpoint;
    private final LeshanClient client;
    private final TestInstance sensor = new TestInstance(SENSOR, Objects.valuesOf(SENSOR));
    private final FleetCounters counters;
    private final Acknowledged ledger;
    private long value;
    private boolean sending;
    private volatile boolean registered;
    private volatile boolean paused;

    FleetDevice(JsonNode fleet, JsonNode device, FleetCounters counters, Acknowledged ledger) throws Exception {
        this.endpoint = device.get("endpoint").asText();
        this.counters = counters;
        this.ledger = ledger;
        ObjectsInitializer initializer = new ObjectsInitializer(new StaticModel(Objects.models()));
        JsonNode security = Lines.node().put("mode", "psk").put("identity", device.get("identity").asText())
                .put("keyHex", device.get("keyHex").asText());
        initializer.setInstancesForObject(LwM2mId.SECURITY, SecurityObject.of(fleet.get("uri").asText(), 123, security));
        initializer.setInstancesForObject(LwM2mId.SERVER, new Server(123, fleet.path("lifetimeS").asLong(60)));
        for (int object : new int[] {LwM2mId.DEVICE, SENSOR}) {
            initializer.setInstancesForObject(object, object == SENSOR ? sensor : new TestInstance(object, Objects.valuesOf(object)));
            initializer.setFactoryForObject(object, (model, id, taken) -> new TestInstance(object, Objects.valuesOf(object), id));
        }
        client = new LeshanClientBuilder(endpoint)
                .setObjects(initializer.createAll())
                .setRegistrationEngineFactory(new DefaultRegistrationEngineFactory())
                .setEndpointsProviders(endpoints(fleet))
                .build();
        client.addObserver(this);
    }

    private CaliforniumClientEndpointsProvider endpoints(JsonNode fleet) {
        CaliforniumClientEndpointsProvider.Builder builder = new CaliforniumClientEndpointsProvider.Builder(new FleetCoaps(counters));
        Configuration configuration = builder.createDefaultConfiguration();
        DtlsSettings.apply(configuration, fleet);
        return builder.setConfiguration(configuration).setClientAddress(InetAddress.getLoopbackAddress()).build();
    }

    void start() {
        client.start();
    }

    void pause() {
        paused = true;
    }

    void destroy() {
        client.destroy(false);
    }

    boolean isRegistered() {
        return registered;
    }

    /** A new value, unless the former one still waits for its answer. */
    void send() {
        long next;
        synchronized (this) {
            if (sending || paused || !registered) return;
            sending = true;
            next = ++value;
        }
        sensor.set(VALUE, LongNode.valueOf(next));
        for (LwM2mServer server : client.getRegisteredServers().values()) {
            client.getSendService().sendData(server, ContentFormat.SENML_CBOR, List.of("/3303/0/5700"), ANSWER_TIMEOUT_MS,
                    response -> answered(response, next), error -> unanswered());
        }
    }

    private synchronized void answered(SendResponse response, long sent) {
        sending = false;
        (response.isSuccess() ? counters.acknowledged : counters.refused).incrementAndGet();
        if (response.isSuccess()) ledger.acknowledged(endpoint, sent);
    }

    private synchronized void unanswered() {
        sending = false;
        counters.unanswered.incrementAndGet();
    }

    @Override
    public void onRegistrationSuccess(LwM2mServer server, RegisterRequest request, String location) {
        registered = true;
        counters.registers.incrementAndGet();
    }

    /** Leshan then shakes hands again, and registers once more. */
    @Override
    public void onRegistrationTimeout(LwM2mServer server, RegisterRequest request) {
        counters.registersUnanswered.incrementAndGet();
    }

    @Override
    public void onUpdateSuccess(LwM2mServer server, UpdateRequest request) {
        counters.updates.incrementAndGet();
    }

    @Override
    public void onUpdateFailure(LwM2mServer s, UpdateRequest r, ResponseCode code, String message, Exception e) {
        counters.updatesRefused.incrementAndGet();
    }
}
