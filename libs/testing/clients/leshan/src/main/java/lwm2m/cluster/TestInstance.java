package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.eclipse.leshan.client.resource.SimpleInstanceEnabler;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.request.argument.Arguments;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.core.response.WriteResponse;

/** An object instance whose values tests set, and that tells what the server does with it. */
final class TestInstance extends SimpleInstanceEnabler {
    final int object;

    TestInstance(int object, Map<Integer, Object> values) {
        this(object, values, 0);
    }

    TestInstance(int object, Map<Integer, Object> values, int id) {
        super(id, values);
        this.object = object;
    }

    /** Sets a resource as the device itself does; observations of it notify. */
    void set(int resource, JsonNode value) {
        ResourceModel model = getModel().resources.get(resource);
        resources.put(resource, LwM2mSingleResource.newResource(resource, convert(model, value), model.type));
        fireResourceChange(resource);
    }

    @Override
    public WriteResponse write(LwM2mServer server, boolean replace, int resource, LwM2mResource value) {
        WriteResponse response = super.write(server, replace, resource, value);
        if (response.isSuccess()) Lines.emit("written", Lines.node().put("path", pathOf(resource)).put("value", valueOf(value)));
        return response;
    }

    @Override
    public ExecuteResponse execute(LwM2mServer server, int resource, Arguments arguments) {
        Lines.emit("executed", Lines.node().put("path", pathOf(resource)).put("arguments", arguments.serialize()));
        return ExecuteResponse.success();
    }

    /** Leshan asks this for the first answer and for each notification. */
    @Override
    public ObserveResponse observe(LwM2mServer server, int resource) {
        Lines.emit("observed", Lines.node().put("path", pathOf(resource)));
        return super.observe(server, resource);
    }

    private String pathOf(int resource) {
        return "/" + object + "/" + getId() + "/" + resource;
    }

    private static String valueOf(LwM2mResource resource) {
        return resource.isMultiInstances() ? String.valueOf(resource.getInstances()) : String.valueOf(resource.getValue());
    }

    private static Object convert(ResourceModel model, JsonNode value) {
        return switch (model.type) {
            case FLOAT -> value.asDouble();
            case INTEGER -> value.asLong();
            case BOOLEAN -> value.asBoolean();
            default -> value.asText();
        };
    }
}
