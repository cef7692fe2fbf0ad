// Lucene (memory-mapped directory), merged into one segment, BM25, top 10 counted no further than needed.
import java.io.*;
import java.lang.management.*;
import java.nio.file.*;
import java.util.*;
import org.apache.lucene.analysis.*;
import org.apache.lucene.document.*;
import org.apache.lucene.index.*;
import org.apache.lucene.search.*;
import org.apache.lucene.store.*;
import org.apache.lucene.util.*;

public class LucenePeer {
  static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  static double us() {
    return THREADS.getCurrentThreadCpuTime() / 1e3;
  }

  static class Words extends Tokenizer {
    final org.apache.lucene.analysis.tokenattributes.CharTermAttribute term =
        addAttribute(org.apache.lucene.analysis.tokenattributes.CharTermAttribute.class);

    public boolean incrementToken() throws IOException {
      clearAttributes();
      int c = input.read();
      while (c == ' ') c = input.read();
      if (c < 0) return false;
      for (; c >= 0 && c != ' '; c = input.read()) term.append((char) c);
      return true;
    }
  }

  static Analyzer words() {
    return new Analyzer() {
      protected TokenStreamComponents createComponents(String field) {
        return new TokenStreamComponents(new Words());
      }
    };
  }

  public static void main(String[] args) throws Exception {
    List<String> texts = Files.readAllLines(Paths.get(args[0], "corpus.txt"));
    Map<String, List<Query>> groups = new TreeMap<>();
    for (String line : Files.readAllLines(Paths.get(args[0], "queries.txt"))) {
      String[] parts = line.split(" ");
      BooleanQuery.Builder builder = new BooleanQuery.Builder();
      for (int i = 2; i < parts.length; i++)
        builder.add(new TermQuery(new Term("text", parts[i])),
            parts[0].equals("OR") ? BooleanClause.Occur.SHOULD : BooleanClause.Occur.MUST);
      groups.computeIfAbsent(parts[0] + " " + parts[1], k -> new ArrayList<>()).add(builder.build());
    }
    double seconds = Double.parseDouble(args[1]);
    Directory directory = new MMapDirectory(Paths.get(args[2], "lucene"));
    double start = us();
    IndexWriterConfig config = new IndexWriterConfig(words()).setRAMBufferSizeMB(512);
    config.setMergeScheduler(new SerialMergeScheduler());
    IndexWriter writer = new IndexWriter(directory, config);
    for (String text : texts) {
      Document document = new Document();
      document.add(new TextField("text", text, Field.Store.NO));
      writer.addDocument(document);
    }
    writer.commit();
    System.out.printf("index %.3f%n", (us() - start) / 1e6);
    writer.forceMerge(1);
    writer.close();
    IndexSearcher searcher = new IndexSearcher(DirectoryReader.open(directory));
    searcher.setQueryCache(null);
    for (int round = 0; round < 2; round++)  // To let the compiler see every kind of query.
      for (List<Query> all : groups.values()) for (Query query : all) searcher.search(query, 10);
    for (Map.Entry<String, List<Query>> group : groups.entrySet()) {
      List<Double> times = new ArrayList<>();
      double from = us();
      for (Query query : group.getValue()) {
        double begin = us();
        searcher.search(query, 10);
        times.add(us() - begin);
        if (us() - from > seconds * 1e6) break;
      }
      Collections.sort(times);
      System.out.printf("%s %.2f %.2f %d%n", group.getKey(), times.get(times.size() / 2),
          times.get(times.size() * 99 / 100), times.size());
    }
  }
}
