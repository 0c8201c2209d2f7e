package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.client.resource.SimpleInstanceEnabler;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.request.argument.Arguments;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.WriteResponse;

/** The one instance of object 5: it takes pushed packages, pulls by CoAP, installs, reboots, and fails as it is told. */
final class FirmwareInstance extends SimpleInstanceEnabler {
    static final int LARGEST_PACKAGE = 1 << 20;

    /** Until the device is off: Leshan may not come back from a restart in the middle of a request or a notification. */
    private static final int REBOOT_MS = 400;
    private static final int PACKAGE = 0;
    private static final int PACKAGE_URI = 1;
    private static final int UPDATE = 2;
    private static final int STATE = 3;
    private static final int RESULT = 5;

    /** One thing after the other, beside the threads that answer the server. */
    private final ExecutorService work = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "firmware");
        thread.setDaemon(true);
        return thread;
    });
    private final Consumer<String> installed;
    private JsonNode behaviour = NullNode.getInstance();

    /** {@code installed}: the device is to run this version, and to register anew. */
    FirmwareInstance(Consumer<String> installed) {
        super(0, Objects.valuesOf(5));
        this.installed = installed;
    }

    /** From now on it behaves so: {"becomes":"2.0","downloadResult":5,"updateResult":8,"flashBytes":10000}. It is idle then. */
    void behave(JsonNode settings) {
        behaviour = settings;
        tell(0, 0);
    }

    @Override
    public WriteResponse write(LwM2mServer server, boolean replace, int resource, LwM2mResource value) {
        if (resource == PACKAGE) take((byte[]) value.getValue());
        else if (resource == PACKAGE_URI && ((String) value.getValue()).isEmpty()) tell(0, 0);
        else if (resource == PACKAGE_URI) work.execute(() -> pull((String) value.getValue()));
        else return super.write(server, replace, resource, value);
        return WriteResponse.success();
    }

    /** OMA LwM2M registry, object 5: Update is only executable in the state Downloaded. */
    @Override
    public ExecuteResponse execute(LwM2mServer server, int resource, Arguments arguments) {
        if (resource != UPDATE || !Long.valueOf(2).equals(((LwM2mSingleResource) resources.get(STATE)).getValue())) {
            return ExecuteResponse.methodNotAllowed();
        }
        work.execute(this::install);
        return ExecuteResponse.success();
    }

    private void take(byte[] bytes) {
        long failure = behaviour.path("downloadResult").asLong(0);
        boolean reset = bytes.length == 0 || (bytes.length == 1 && bytes[0] == 0);
        if (reset) tell(0, 0);
        else if (bytes.length > behaviour.path("flashBytes").asLong(LARGEST_PACKAGE)) tell(0, 2);
        else if (failure != 0) tell(0, failure);
        else {
            Lines.emit("package", Lines.node().put("sha256", sha256(bytes)));
            tell(2, 0);
        }
    }

    private void pull(String uri) {
        tell(1, 0);
        if (behaviour.path("downloadResult").asInt() == 4) {
            tell(0, 4);
            return;
        }
        Configuration configuration = Configuration.createStandardWithoutFile();
        configuration.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, LARGEST_PACKAGE);
        CoapClient client = new CoapClient(uri);
        client.setEndpoint(CoapEndpoint.builder().setConfiguration(configuration).build());
        try {
            CoapResponse response = client.get();
            if (response == null || !response.isSuccess()) tell(0, 7);
            else take(response.getPayload());
        } catch (Exception error) {
            Lines.emit("error", Lines.node().put("message", "pull: " + error));
            tell(0, 7);
        } finally {
            client.getEndpoint().destroy();
            client.shutdown();
        }
    }

    private void install() {
        tell(3, 0);
        long result = behaviour.path("updateResult").asLong(1);
        if (result != 1) {
            tell(2, result);
            return;
        }
        try {
            Thread.sleep(REBOOT_MS);
        } catch (InterruptedException ended) {
            return;
        }
        set(0, 1);
        installed.accept(behaviour.path("becomes").asText());
    }

    /** The result first: with the state an end is told. */
    private void tell(long state, long result) {
        set(state, result);
        fireResourceChange(RESULT);
        fireResourceChange(STATE);
    }

    private void set(long state, long result) {
        for (Map.Entry<Integer, Long> told : Map.of(RESULT, result, STATE, state).entrySet()) {
            resources.put(told.getKey(), LwM2mSingleResource.newIntegerResource(told.getKey(), told.getValue()));
        }
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
