import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.hibernate.cfg.Configuration;
import org.hibernate.dialect.Dialect;
import org.hibernate.dialect.PostgreSQLDialect;
import org.hibernate.engine.SessionFactoryImplementor;
import org.hibernate.hql.QueryTranslator;
import org.hibernate.hql.ast.ASTQueryTranslatorFactory;

/**
 * Translates HQL into SQL by Hibernate itself. Arguments: the model's sketch. Stdin: one query per line. Stdout: lines of
 * `DDL`, then for each query `SQL` or `ERROR`, a tab, and the text.
 */
public class ParseHql {
  private static final Map<String, String> TYPES =
      Map.of("text", "string", "int", "integer", "long", "long", "double", "double", "bool", "boolean", "time", "timestamp");
  private static final String OWNED =
      one("owner", "Experimenter", "owner_id")
          + one("group", "ExperimenterGroup", "group_id")
          + one("creationEvent", "Event", "creation_id")
          + one("updateEvent", "Event", "update_id");
  private static final String GLOBAL =
      one("externalInfo", "ExternalInfo", "external_id")
          + "<dynamic-component name='permissions'><property name='perm1' column='permissions' type='long'/>"
          + "</dynamic-component>";

  /** Hibernate has this document type in its jar, and reads no mapping without it. */
  private static final String DOCTYPE =
      "<!DOCTYPE hibernate-mapping PUBLIC '-//Hibernate/Hibernate Mapping DTD 3.0//EN'"
          + " 'http://www.hibernate.org/dtd/hibernate-mapping-3.0.dtd'>";

  /** A pair of a map annotation. */
  public static class NamedValue {
    public String name;
    public String value;
  }

  public static void main(String[] args) throws Exception {
    Configuration configuration = new Configuration();
    configuration.setProperty("hibernate.dialect", PostgreSQLDialect.class.getName());
    // Entities without Java classes; and no database is asked anything.
    configuration.setProperty("hibernate.default_entity_mode", "dynamic-map");
    configuration.setProperty("hibernate.temp.use_jdbc_metadata_defaults", "false");
    configuration.addXML(mapping(Files.readAllLines(Paths.get(args[0]))));
    SessionFactoryImplementor factory = (SessionFactoryImplementor) configuration.buildSessionFactory();
    Dialect dialect = new PostgreSQLDialect();
    for (String statement : configuration.generateSchemaCreationScript(dialect)) say("DDL", statement);
    BufferedReader queries = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String hql = queries.readLine(); hql != null; hql = queries.readLine()) {
      try {
        QueryTranslator translator =
            new ASTQueryTranslatorFactory().createQueryTranslator(hql, hql, Collections.emptyMap(), factory);
        translator.compile(Collections.emptyMap(), false);
        say("SQL", translator.getSQLString());
      } catch (Exception error) {
        say("ERROR", error.getClass().getSimpleName() + ": " + error.getMessage());
      }
    }
  }

  private static void say(String kind, String text) {
    System.out.println(kind + "\t" + String.valueOf(text).replaceAll("\\s+", " "));
  }

  /** Hibernate's mapping of the sketch; subclasses are nested in their base, as Hibernate wants them. */
  private static String mapping(List<String> lines) {
    Map<String, StringBuilder> properties = new LinkedHashMap<>();
    Map<String, List<String>> derived = new LinkedHashMap<>();
    List<String> roots = new ArrayList<>();
    List<String> globals = new ArrayList<>();
    String entity = null;
    for (String line : lines) {
      if (line.isBlank() || line.startsWith("#")) continue;
      String[] words = line.trim().split("\\s+");
      if (line.startsWith(" ")) {
        properties.get(entity).append(property(entity, words));
        continue;
      }
      entity = words[0];
      properties.put(entity, new StringBuilder());
      if (words.length < 3) roots.add(entity);
      if (words.length == 2) globals.add(entity);
      if (words.length == 3) derived.computeIfAbsent(words[2], name -> new ArrayList<>()).add(entity);
    }
    StringBuilder xml = new StringBuilder(DOCTYPE + "<hibernate-mapping default-lazy='false'>");
    for (String root : roots) {
      String discriminator = derived.containsKey(root) ? "<discriminator column='discriminator' type='string'/>" : "";
      String details = (globals.contains(root) ? "" : OWNED) + GLOBAL;
      details = "<dynamic-component name='details'>" + details + "</dynamic-component>";
      xml.append("<class entity-name='" + root + "' table='" + table(root) + "'>")
          .append("<id name='id' type='long'><generator class='assigned'/></id>" + discriminator)
          .append("<property name='version' type='integer'/>" + details + properties.get(root))
          .append(subclasses(root, derived, properties) + "</class>");
    }
    return xml + "</hibernate-mapping>";
  }

  private static String subclasses(String of, Map<String, List<String>> derived, Map<String, StringBuilder> properties) {
    StringBuilder xml = new StringBuilder();
    for (String name : derived.getOrDefault(of, List.of()))
      xml.append("<subclass entity-name='" + name + "' discriminator-value='" + name + "'>" + properties.get(name))
          .append(subclasses(name, derived, properties) + "</subclass>");
    return xml.toString();
  }

  private static String property(String entity, String[] words) {
    String name = words[0];
    if (words[1].equals("->")) return one(name, words[2], name + "_ref");
    if (words[1].equals("=>")) {
      String[] other = words[2].split("\\.");
      return "<bag name='" + name + "' inverse='true'><key column='" + other[1] + "_ref'/>"
          + "<one-to-many entity-name='" + other[0] + "'/></bag>";
    }
    if (words[1].equals("{}"))
      return "<list name='" + name + "' table='" + table(entity) + "_" + name + "'><key column='" + entity + "_id'/>"
          + "<list-index column='position'/><composite-element class='" + NamedValue.class.getName() + "'>"
          + "<property name='name' access='field' column='name_value' type='string'/>"
          + "<property name='value' access='field' column='value_value' type='string'/></composite-element></list>";
    return "<property name='" + name + "' column='" + name + "_value' type='" + TYPES.get(words[1]) + "'/>";
  }

  private static String one(String name, String entity, String column) {
    return "<many-to-one name='" + name + "' entity-name='" + entity + "' column='" + column + "'/>";
  }

  private static String table(String entity) {
    return "t_" + entity.toLowerCase();
  }
}
