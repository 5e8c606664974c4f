use super::*;

struct Map(&'static [(&'static str, &'static str)], &'static [&'static str], bool);

impl Labels for Map {
    fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
    }
    fn hidden(&self, key: &str) -> bool {
        self.1.contains(&key)
    }
    fn open(&self) -> bool {
        self.2
    }
}

const A: Map = Map(&[("a", "x1")], &[], false);

fn asked(text: &str, labels: &Map) -> Match {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).matches(labels)
}

#[test]
fn truths_of_one_label() {
    for (text, matches) in [
        ("", true),
        (" \t ", true),
        ("all( )", true),
        ("a starts with \"x\"", true),
        ("a startswith 'x'", true),
        ("a ends  with 'x'", false),
        ("a contains \"\"", true),
        ("b contains ''", false),
        ("b != \"x\"", true),
        ("b not in {\"x\"}", true),
        ("!has(a) || b == \"1\"", false),
        ("!!has(a)", true),
        ("!!!has( a )", false),
        ("a in {}", false),
        ("a not in {}", true),
        ("b notin {}", true),
        ("! a == \"y\"", true),
        ("has(a) && !(a ends with \"1\")", false),
        ("a in{\"x1\"}", true),
        ("a in {'z', 'x1',}", true),
        ("a=='x1'&&b!='2'||has(c)", true),
        ("has(c)||has(b)&&has(a)", false),
        ("global()", true),
    ] {
        assert_eq!(asked(text, &A), Match::from(matches), "{text}");
    }
}

#[test]
fn words_are_labels_too() {
    let labels = Map(&[("in", "x"), ("all", "y"), ("has", "z"), ("not", "n")], &[], false);
    for text in ["in in {'x'}", "all == 'y'", "has starts with 'z'", "has(all)", "not not in {}"] {
        assert_eq!(asked(text, &labels), Match::Yes, "{text}");
    }
}

#[test]
fn what_is_hidden_is_unknown() {
    let labels = Map(&[("a", "x1")], &["h"], false);
    assert_eq!(asked("has(h)", &labels), Match::Yes);
    assert_eq!(asked("h == 'x'", &labels), Match::Unknown);
    assert_eq!(asked("h != 'x' && has(b)", &labels), Match::No);
    assert_eq!(asked("h != 'x' || has(a)", &labels), Match::Yes);
    let open = Map(&[("a", "x1")], &[], true);
    assert_eq!(asked("has(b)", &open), Match::Unknown);
    assert_eq!(asked("!has(b)", &open), Match::Unknown);
    assert_eq!(asked("a == 'x1'", &open), Match::Yes);
}

#[test]
fn global_is_what_is_in_no_namespace() {
    let labels = Map(&[(NAMESPACE_LABEL, "shop")], &[], false);
    assert_eq!(asked("global()", &labels), Match::No);
}

#[test]
fn errors_say_where_and_what_to_do() {
    for (text, at, part) in [
        ("a = \"x1\"", 2, "two equals signs"),
        ("a == x1", 5, "write `a == 'x1'`"),
        ("has (a)", 4, "without a blank"),
        ("has(a) and has(b)", 7, "write `&&`"),
        ("has(a) & has(b)", 7, "write `&&`"),
        ("has(a), has(b)", 6, "write `&&`"),
        ("has(a) or has(b)", 7, "write `||`"),
        ("has(a)\n", 6, "`>-`"),
        ("a\n== 'x'", 1, "`>-`"),
        ("a", 1, "has(a)"),
        ("a inx", 4, "in {'a', 'b'}"),
        ("a in {x}", 6, "quotes"),
        ("a in {'x' 'y'}", 10, "`,`"),
        ("(has(a)", 0, "not closed"),
        ("has(a))", 6, "`)`"),
        ("has(a) &&", 9, "missing"),
        ("a == 'x", 5, "does not end"),
        ("a starts 'x'", 2, "operator"),
        ("== 'x'", 0, "key"),
        ("'a' == 'x'", 0, "quotes"),
        ("é == 'x'", 0, "fit"),
        ("has()", 4, "key"),
        ("all(", 4, "`)`"),
    ] {
        let error = parse(text).expect_err(text);
        let said = format!("{} {}", error.message, error.help.unwrap_or_default());
        assert!(error.at == at && said.contains(part), "{text}: at {}: {said}", error.at);
    }
}

#[test]
fn nothing_is_too_deep_or_too_long() {
    let deep = format!("{}has(a){}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(parse(&deep).is_err());
    assert!(parse(&format!("{}has(a){}", "(".repeat(200), ")".repeat(200))).is_ok());
    assert_eq!(asked(&format!("{}has(a)", "!".repeat(100_001)), &A), Match::No);
    assert_eq!(asked(&vec!["has(a)"; 50_000].join(" && "), &A), Match::Yes);
}

#[test]
fn what_is_written_out_reads_back_as_the_same() {
    for text in [
        "a == 'x' && (b != \"y\" || !has(c))",
        "!(a in {'x', 'it\"s'} && all())",
        "!a starts with \"it's\"",
        "global()",
        "a not in {} || b contains 'q' && c ends with ''",
    ] {
        let expression = parse(text).unwrap();
        assert_eq!(parse(&expression.to_string()).unwrap(), expression, "{expression}");
    }
}
