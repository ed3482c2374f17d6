import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;

/** DynamoDB Local on 127.0.0.1 only: of itself it listens on every interface and has no option against that. */
class LoopbackDynamoDB {
    public static void main(String[] args) throws Exception {
        var local = ServerRunner.createServerFromCommandLineArgs(args);
        var field = local.getClass().getDeclaredField("server");
        field.setAccessible(true);
        for (Connector connector : ((Server) field.get(local)).getConnectors())
            ((ServerConnector) connector).setHost("127.0.0.1");
        local.start();
        System.out.println("DynamoDB Local is ready");
        local.join();
    }
}
