//! Arguments, help, colour, completions and manual pages.

use crate::{run, run_with};

#[test]
fn bad_arguments_are_explained() {
    let refused: &[(&[&str], &str)] = &[
        (&[], "Usage: portcullis"),
        (&["list"], "<PATH>..."),
        (&["lst", "shop"], "list"),
        (&["list", "-o", "yaml", "shop"], "possible values: text, json, csv, md, dot, mermaid"),
        (&["list", "--pod-cidr", "10.0.0.0/99", "shop"], "`10.0.0.0/99` is not a CIDR"),
        (&["list", "--tool-seconds", "x", "shop"], "`x` is not a whole number of seconds"),
        (&["list", "--direction", "egress", "shop"], "--focus"),
        (&["list", "--port", "70000", "shop"], "ports are 1 to 65535"),
        (&["list", "--port", "90-80", "shop"], "the first is greater than the last"),
        (&["eval", "shop"], "--from"),
        (&["eval", "--from", "a/b", "--to", "c/d", "--port", "0", "shop"], "ports are 1 to 65535"),
        (&["eval", "--from", "a/b", "--to", "c/d", "--port", "HTTP", "shop"], "a range such as"),
        (&["eval", "--from", "a/b", "--flows", "f", "shop"], "cannot be used with"),
        (
            &["eval", "--from", "a/b", "--to", "c/d", "--port", "1", "--protocol", "icmp", "shop"],
            "use TCP, UDP or SCTP",
        ),
        (
            &[
                "eval",
                "--from",
                "a/b",
                "--to",
                "c/d",
                "--port",
                "53/UDP",
                "--protocol",
                "tcp",
                "shop",
            ],
            "leave out one of the two protocols",
        ),
        (&["man", "lst"], "no command `lst`"),
    ];
    for (args, part) in refused {
        let ran = run(args);
        assert_eq!(ran.status, 2, "{args:?}: {ran}");
        assert!(ran.out.is_empty() && ran.err.contains(part), "{args:?}: {ran}");
    }
}

#[test]
fn help_is_worth_reading() {
    let help = run(&["--help"]);
    assert_eq!(help.status, 0);
    for part in ["Examples:", "Exit status:", "kubectl get", "list", "eval", "explain", "check"] {
        assert!(help.out.contains(part), "{part}: {help}");
    }
    for command in ["list", "eval", "explain", "check"] {
        let help = run(&[command, "--help"]);
        assert!(help.out.contains("--pod-cidr") && help.out.contains("Exit status:"), "{help}");
    }
    assert!(run(&["--version"]).out.starts_with("portcullis "));
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let ask = |args: &[&str], variables: &[(&str, &str)]| {
        let flow = ["eval", "--from", "shop/web", "--to", "shop/db", "--port", "5432", "shop"];
        run_with(&[&flow, args].concat(), "", variables).out.contains('\u{1b}')
    };
    // The standard output of a test is a pipe.
    assert!(!ask(&[], &[]));
    assert!(ask(&["--color", "always"], &[]));
    assert!(ask(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!ask(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!ask(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    let check = |color| run(&["check", "--color", color, "broken"]).out.contains('\u{1b}');
    assert!(check("always") && !check("auto"));
}

#[test]
fn completions_for_every_shell() {
    for (shell, part) in [
        ("bash", "complete -F _portcullis"),
        ("zsh", "#compdef portcullis"),
        ("fish", "complete -c portcullis"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.status, 0);
        assert!(ran.out.contains(part), "{shell}");
    }
}

#[test]
fn manual_pages() {
    let main = run(&["man"]).out;
    assert!(main.contains(".TH portcullis 1") && main.contains("Exit status"), "{main}");
    let eval = run(&["man", "eval"]).out;
    assert!(eval.contains("portcullis\\-eval") || eval.contains("portcullis eval"), "{eval}");
    assert!(eval.contains("\\-\\-flows"), "{eval}");
}
