import java.util.Base64;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimestampLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;

/** Prints the rows of a Parquet file as one JSON array, read by parquet-java, which Spark, Trino and Athena read by. */
public class ReadParquet {
  public static void main(String[] args) throws Exception {
    StringBuilder out = new StringBuilder("[");
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), new Path(args[0])).build()) {
      for (Group row = reader.read(); row != null; row = reader.read()) {
        if (out.length() > 1) out.append(',');
        out.append('{');
        for (int i = 0; i < row.getType().getFieldCount(); i++) {
          if (i > 0) out.append(',');
          text(row.getType().getFieldName(i), out).append(':');
          if (row.getFieldRepetitionCount(i) == 0) out.append("null");
          else value(row, i, out);
        }
        out.append('}');
      }
    }
    System.out.write(out.append("]\n").toString().getBytes("UTF-8"));
    System.out.flush();
  }

  static void value(Group row, int i, StringBuilder out) {
    PrimitiveType type = row.getType().getType(i).asPrimitiveType();
    switch (type.getPrimitiveTypeName()) {
      case INT32 -> out.append(row.getInteger(i, 0));
      case INT64 -> {
        if (type.getLogicalTypeAnnotation() instanceof TimestampLogicalTypeAnnotation time
            && !(time.isAdjustedToUTC() && time.getUnit().name().equals("MILLIS")))
          throw new IllegalStateException(type.toString());
        out.append(row.getLong(i, 0));
      }
      case DOUBLE -> out.append(row.getDouble(i, 0));
      case BOOLEAN -> out.append(row.getBoolean(i, 0));
      case BINARY -> {
        if (type.getLogicalTypeAnnotation() instanceof StringLogicalTypeAnnotation)
          text(row.getBinary(i, 0).toStringUsingUTF8(), out);
        else text(Base64.getEncoder().encodeToString(row.getBinary(i, 0).getBytes()), out);
      }
      default -> throw new IllegalStateException(type.toString());
    }
  }

  static StringBuilder text(String value, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < 32 || c > 126 || c == '"' || c == '\\') out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"');
  }
}
