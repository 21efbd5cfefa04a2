import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;

/** A program as it was written before 2022; its runtime knows a proxy and a truststore by properties. */
class RelayClient {
    public static void main(String[] arguments) throws Exception {
        var asked = (HttpURLConnection) URI.create(arguments[0]).toURL().openConnection();
        asked.setConnectTimeout(30_000);
        asked.setReadTimeout(30_000);
        int status = asked.getResponseCode();
        InputStream body = status < 400 ? asked.getInputStream() : asked.getErrorStream();
        String text = body == null ? "" : new String(body.readAllBytes(), "UTF-8");
        System.out.println(status + " " + text.substring(0, Math.min(200, text.length())));
    }
}
