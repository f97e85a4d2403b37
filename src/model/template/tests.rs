//! Promises of templates: Snakemake's results for ordinary values, exact values for nasty ones, errors with a way out.

use super::*;
use crate::model::slots::Slot;
use proptest::prelude::*;

/// Owned bindings with something of everything.
struct Job {
    wildcards: Wildcards,
    input: (Vec<Slot>, Vec<Arc<str>>),
    output: (Vec<Slot>, Vec<Arc<str>>),
    params: Vec<(Option<Arc<str>>, Value)>,
    resources: Vec<(Arc<str>, Value)>,
}

fn slot(name: Option<&str>, list: bool, len: u32) -> Slot {
    Slot { name: name.map(Arc::from), list, len }
}

fn wildcards(pairs: &[(&str, &str)]) -> Wildcards {
    Wildcards::new(
        pairs.iter().map(|(name, _)| Arc::from(*name)).collect(),
        pairs.iter().map(|(_, value)| Arc::from(*value)).collect(),
    )
}

impl Job {
    fn new() -> Job {
        Job {
            wildcards: wildcards(&[("s", "a"), ("n", "7")]),
            input: (
                vec![slot(Some("ref"), false, 1), slot(Some("reads"), true, 2), slot(None, false, 1)],
                ["ref.fa", "r1.fq", "r2.fq", "extra.txt"].map(Arc::from).to_vec(),
            ),
            output: (vec![slot(None, false, 1)], vec!["out/a.bam".into()]),
            params: vec![
                (None, Value::from("-a -b")),
                (Some("opts".into()), Value::from(vec!["-x", "-y"])),
                (Some("map".into()), Value::Map([(Arc::from("k"), Value::from("v"))].into())),
                (Some("pi".into()), Value::Float(3.25)),
            ],
            resources: vec![("mem_mb".into(), Value::Int(1000))],
        }
    }

    /// A job whose only input, output, param and wildcard `s` are `text`.
    fn nasty(text: &str) -> Job {
        let mut job = Job::new();
        job.wildcards = wildcards(&[("s", text)]);
        job.input = (vec![slot(None, false, 1)], vec![text.into()]);
        job.output = (vec![slot(None, false, 1)], vec![text.into()]);
        job.params = vec![(Some("p".into()), Value::from(text))];
        job
    }

    fn bindings(&self) -> Bindings<'_> {
        Bindings {
            rule: "align",
            wildcards: &self.wildcards,
            input: NamedPaths { layout: &self.input.0, paths: &self.input.1 },
            output: NamedPaths { layout: &self.output.0, paths: &self.output.1 },
            log: NamedPaths::EMPTY,
            params: &self.params,
            threads: 4,
            resources: &self.resources,
            attempt: 1,
            job: 7,
        }
    }

    fn shell(&self, text: &str) -> Result<String, TemplateError> {
        Template::parse(text).map_err(|errors| errors[0].clone())?.render(&self.bindings(), RenderMode::Shell)
    }
}

fn errors(text: &str) -> Vec<TemplateError> {
    Template::parse(text).err().unwrap_or_default()
}

#[test]
fn ordinary_values_stand_as_in_snakemake() {
    let job = Job::new();
    for (template, expected) in [
        ("cat {input} > {output}", "cat ref.fa r1.fq r2.fq extra.txt > out/a.bam"),
        ("{input.ref} {input.reads} {input.reads[1]}", "ref.fa r1.fq r2.fq r2.fq"),
        ("{input[0]} {input[2]} {input[reads]}", "ref.fa r2.fq r1.fq r2.fq"),
        ("{output:q} {output:u} {input.reads:q}", "out/a.bam out/a.bam r1.fq r2.fq"),
        ("{wildcards} {wildcards.s} {wildcards[s]}", "n=7,s=a a a"),
        ("{params.opts} {params.opts[1]} {params[0]}", "-x -y -y -a -b"),
        ("{params.map[k]} {params.map}", "v {'k': 'v'}"),
        ("{params.pi:.1f} {params.pi!s:>6} {threads:03d}", "3.2   3.25 004"),
        ("{resources.mem_mb} {resources} {rule} {attempt}", "1000 1000 align 1"),
        ("python -c \"f({input.reads!r}, {wildcards.s!r})\"", "python -c \"f(['r1.fq', 'r2.fq'], 'a')\""),
        ("echo {wildcards.s!r}", "echo 'a'"),
        ("awk '{{print $1}}' {output}", "awk '{print $1}' out/a.bam"),
        ("{{{rule}}}", "{align}"),
        ("{wildcards.s:>3}|{wildcards.s:*^3}", "'  a'|'*a*'"),
        ("{log}", ""),
    ] {
        assert_eq!(job.shell(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn indentation_and_blanks_around_lines_are_dropped_and_nothing_else() {
    let job = Job::new();
    for (template, expected) in [
        ("\n    a\n      b\n\n    c  \n    ", "a\n  b\n\nc"),
        ("first\n    second", "first\n    second"),
        ("\ta  \n\tb\t", "a\nb"),
        ("  \n \n", ""),
        ("", ""),
        ("a  'x  \n  y'  ", "a  'x  \n  y'"),
        ("cat <<E  \n a  \n\tb\nE\n", "cat <<E\n a  \n\tb\nE"),
        ("a \\  \nb", "a \\  \nb"),
        ("a\\ ", "a\\ "),
        ("a # it's  \nb  ", "a # it's\nb"),
        ("x  {rule}  \ny", "x  align\ny"),
    ] {
        assert_eq!(job.shell(template).as_deref(), Ok(expected), "{template:?}");
    }
}

#[test]
fn each_field_knows_where_it_stands() {
    use Quoting::*;
    for (template, expected) in [
        ("{rule} '{rule}' \"{rule}\" $'{rule}'", vec![Bare, Single, Double, Ansi]),
        ("\"$(cat {rule} '{rule}' \"{rule}\") {rule}\"", vec![Bare, Single, Double, Double]),
        ("\"`cat {rule}` {rule}\" {rule}", vec![Bare, Double, Bare]),
        (r#"\"{rule} \'{rule} "\"{rule}""#, vec![Bare, Bare, Double]),
        ("# don't {rule}\n{rule}", vec![Comment, Bare]),
        ("a#'{rule}' $# '{rule}' ${{#x}}'{rule}'", vec![Single, Single, Single]),
        ("cat <<EOF\n'{rule}'\nEOF\n{rule}", vec![Heredoc, Bare]),
        ("cat <<-'EOF' | '{rule}'\n'{rule}\n\tEOF\n{rule}", vec![Single, Verbatim, Bare]),
        ("cat <<A <<\\B\n{rule}\nA\n{rule}\nB\n{rule}", vec![Heredoc, Verbatim, Bare]),
        ("cat <<A\n$(b '{rule}')\nA", vec![Single]),
        ("cat <<< \"{rule}\"\n'{rule}'", vec![Double, Single]),
        ("echo $((1<<2)) '{rule}'\n\"{rule}\"", vec![Single, Double]),
        ("((x = 1 << 2))\n'{rule}'", vec![Single]),
        ("$(case x in a) echo '{rule}';; esac) '{rule}'", vec![Single, Single]),
        ("\"${{x:-{rule}}}\" ${{x:-'{rule}'}}", vec![Double, Single]),
        ("(a; (b '{rule}')) \"{rule}\"", vec![Single, Double]),
        ("diff <(a '{rule}') >(b \"{rule}\")", vec![Single, Double]),
        ("a \"$(b \"$(c '{rule}')\")\" {rule}", vec![Single, Bare]),
        ("awk '{{print \"x\"}}' {rule}", vec![Bare]),
    ] {
        let parsed = Template::parse(template).unwrap();
        let found: Vec<Quoting> = parsed.fields().map(|f| f.quoting).collect();
        assert_eq!(found, expected, "{template}");
    }
}

#[test]
fn a_param_is_a_piece_of_the_command_unless_it_carries_a_nasty_wildcard() {
    let mut job = Job::nasty("x");
    job.wildcards = wildcards(&[("s", "a;b")]);
    job.params = vec![
        (Some("extra".into()), Value::from("-a -b $HOME")),
        (Some("label".into()), Value::from("--l=a;b")),
        (Some("list".into()), Value::from(vec!["a b", "a;b"])),
    ];
    assert_eq!(job.shell("{params.extra}").as_deref(), Ok("-a -b $HOME"));
    assert_eq!(job.shell("{params.label} \"{params.label}\"").as_deref(), Ok("'--l=a;b' \"--l=a;b\""));
    assert_eq!(job.shell("{params.list}").as_deref(), Ok("a b 'a;b'"));
    assert_eq!(job.shell("{params.label:u} {params.extra:q}").as_deref(), Ok("--l=a;b '-a -b $HOME'"));
}

#[test]
fn a_path_that_looks_like_an_option_is_none() {
    let job = Job::nasty("-rf");
    assert_eq!(job.shell("rm {output} {output:q} {output:u}").as_deref(), Ok("rm ./-rf ./-rf -rf"));
    assert_eq!(job.shell("'{input}' {wildcards.s}").as_deref(), Ok("'./-rf' -rf"));
}

#[test]
fn values_that_no_command_can_hold_are_errors() {
    assert!(Job::nasty("a\0b").shell("{input}").unwrap_err().message.contains("NUL"));
    assert!(
        Job::nasty("a\nEOF\nrm").shell("cat <<EOF\n{input}\nEOF").unwrap_err().message.contains("heredoc")
    );
    assert_eq!(Job::nasty("a\nrm x").shell("# {input}").as_deref(), Ok("# a rm x"));
}

#[test]
fn a_text_for_people_is_not_quoted() {
    let job = Job::nasty("a b'c");
    let template = Template::parse("making {output} of {wildcards.s:q}").unwrap();
    assert_eq!(template.render(&job.bindings(), RenderMode::Plain).as_deref(), Ok("making a b'c of a b'c"));
}

#[test]
fn braces_that_are_no_fields_say_how_to_write_them() {
    for (text, at, message, help) in [
        ("awk '{print $1}' x", (5, 15), "`{print $1}` is not a field", "`{{print $1}}`"),
        ("a } b", (2, 3), "closes nothing", "write `}}`"),
        ("a { b", (2, 3), "never closed", "write `{{`"),
        ("x {} y", (2, 4), "names nothing", "`{{}}`"),
        ("x {0}", (2, 5), "not a name", "{input[0]}"),
        ("{ input }", (0, 9), "blanks around", "write `{input}`"),
        ("mv a.{txt,csv}", (5, 14), "not a field", "`{{txt,csv}}`"),
        ("{1..3}", (0, 6), "not a field", "`{{1..3}}`"),
        ("{\"a\": {\"b\": 1}}", (0, 15), "not a field", "doubled"),
        ("${x%.*}", (1, 7), "not a field", "`{{x%.*}}`"),
        ("{config[\"a\"]}", (0, 13), "in quotes", "`{config[a]}`"),
        ("{input[-1]}", (0, 11), "counts from the end", "params"),
        ("{input!x}", (0, 9), "conversion", "!r"),
        ("{input:foo}", (0, 11), "wrong format", "`q`"),
        ("{wildcards.n:03d}", (0, 17), "for numbers", "`q`"),
        ("{input.}", (0, 8), "not a field", "doubled"),
    ] {
        let found = errors(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let error = &found[0];
        assert_eq!(error.at, at, "{text}");
        assert!(error.message.contains(message), "{text}: {}", error.message);
        assert!(error.help.as_deref().unwrap_or("").contains(help), "{text}: {:?}", error.help);
    }
}

#[test]
fn all_mistakes_are_reported_at_their_places_in_the_given_text() {
    let text = "\n    echo {print $1}\n    echo }\n";
    let found: Vec<&str> = errors(text).iter().map(|e| &text[e.at.0 as usize..e.at.1 as usize]).collect();
    assert_eq!(found, ["{print $1}", "}"]);
    assert_eq!(errors(&"{ ".repeat(100_000)).len(), 20);
    let template = Template::parse("\n    a {rule}\n    b {threads}").unwrap();
    let ranges: Vec<_> = template.fields().map(|f| f.at).collect();
    assert_eq!(ranges, [(7, 13), (20, 29)]);
}

#[test]
fn names_that_no_job_has_are_found_before_there_are_jobs() {
    let scope = TemplateScope {
        input: &[slot(Some("name"), false, 1), slot(Some("many"), true, 2)],
        input_dynamic: false,
        output: &[slot(None, false, 1)],
        log: &[],
        params: &[None, Some("extra".into())],
        wildcards: &["sample".into()],
        resources: &["mem_mb".into()],
    };
    for (text, message, help) in [
        ("{input.nme}", "no input called `nme`", "did you mean `{input.name}`?"),
        ("{wildcards.smple}", "no wildcard called `smple`", "`{wildcards.sample}`"),
        ("{sample}", "`sample` is not known", "did you mean `{wildcards.sample}`?"),
        ("{extra}", "`extra` is not known", "`{params.extra}`"),
        ("{inputs}", "`inputs` is not known", "`{input}`"),
        ("${HOME}", "`HOME` is not known", "`${{HOME}}`"),
        ("{anything}", "`anything` is not known", "`{{anything}}`"),
        ("{input[3]}", "out of range", "begin at 0"),
        ("{input.many[2]}", "`input.many` has 2 elements", "begin at 0"),
        ("{input.name[0]}", "is one path", "`{input.name}`"),
        ("{output.x}", "no output called `x`", ""),
        ("{log[0]}", "`log` is empty", ""),
        ("{params[2]}", "out of range", ""),
        ("{resources.mem}", "no resource called `mem`", "this rule has `mem_mb`"),
        ("{threads.x}", "no parts", "`{threads}`"),
        ("{wildcards.sample[0]}", "no parts", "`{wildcards.sample}`"),
    ] {
        let found = Template::parse(text).unwrap().check(&scope);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].message.contains(message), "{text}: {}", found[0].message);
        assert!(found[0].help.as_deref().unwrap_or("").contains(help), "{text}: {:?}", found[0].help);
    }
    let good = "{input} {input.many[1]} {input[2]} {output[0]} {log} {params.extra} {params[0][k]} \
                {wildcards.sample} {wildcards[0]} {resources.mem_mb} {threads} {rule} {attempt}";
    assert_eq!(Template::parse(good).unwrap().check(&scope), []);
    let dynamic = TemplateScope { input_dynamic: true, ..scope };
    assert_eq!(Template::parse("{input[9]} {input.name[4]}").unwrap().check(&dynamic), []);
}

fn lookup(name: &str) -> Option<Value> {
    let map =
        |items: &[(&str, Value)]| Value::Map(items.iter().map(|(k, v)| (Arc::from(*k), v.clone())).collect());
    match name {
        "config" => Some(map(&[("a", Value::from(vec![1, 2])), ("b", map(&[("c", Value::from("x{y}"))]))])),
        "SAMPLES" => Some(Value::from(vec!["s1", "s2"])),
        "QUOTE" => Some(Value::from("'")),
        _ => None,
    }
}

#[test]
fn names_of_the_rulefile_become_their_values() {
    let job = Job::new();
    let mut template =
        Template::parse("{config[a][1]:02d} {config[b][c]} {SAMPLES} {SAMPLES[0]} {SAMPLES!r} {later}")
            .unwrap();
    assert_eq!(template.resolve_names(&mut lookup), []);
    assert_eq!(template.canonical(), "02 x{{y}} s1 s2 s1 ['s1', 's2'] {later}");
    assert!(template.render(&job.bindings(), RenderMode::Shell).is_err());

    let mut wrong = Template::parse("{config[b][d]} {SAMPLES[2]} {config.a} {SAMPLES[0]:d}").unwrap();
    let errors = wrong.resolve_names(&mut lookup);
    let helps: Vec<&str> = errors.iter().map(|e| e.help.as_deref().unwrap_or("")).collect();
    assert_eq!(
        helps,
        ["did you mean `{config[b][c]}`?", "positions begin at 0", "write `{config[a]}`", ""],
        "{errors:?}"
    );
}

#[test]
fn a_constant_can_change_the_quoting_of_what_follows() {
    let mut template = Template::parse("echo {QUOTE}{input}{QUOTE}").unwrap();
    assert_eq!(template.resolve_names(&mut lookup), []);
    let job = Job::nasty("it's");
    assert_eq!(template.render(&job.bindings(), RenderMode::Shell).as_deref(), Ok(r"echo 'it'\''s'"));
}

#[test]
fn a_rulefile_may_call_something_attempt() {
    let mut template = Template::parse("{attempt}").unwrap();
    assert_eq!(template.resolve_names(&mut |_| Some(Value::from("mine"))), []);
    assert_eq!(template.canonical(), "mine");
}

#[test]
fn canonical_text_has_one_spelling() {
    let template =
        Template::parse("  {input[ref]} {params[0]} {input.x[1]!r:>4q} {{a}} {config[x]}  ").unwrap();
    assert_eq!(template.canonical(), "{input.ref} {params[0]} {input.x[1]!r:>4q} {{a}} {config[x]}");
}

#[test]
fn uses_name_what_the_command_can_see() {
    let uses = Template::parse("{params.a} {params[1]} {params.a[0]} {wildcards} {wildcards.s} {threads}")
        .unwrap()
        .uses();
    assert_eq!(uses.params, Used::Some(vec!["a".into(), "1".into()]));
    assert_eq!(uses.wildcards, Used::All);
    assert_eq!(uses.resources, Used::None);
    assert!(uses.threads && !uses.attempt && !uses.log && !uses.rule);
    assert!(uses.params.has(1, None) && uses.params.has(0, Some("a")) && !uses.params.has(0, Some("b")));
}

/// Texts full of what shells and templates care about.
fn nasty_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "'", "\"", "\\", "$", "`", " ", "\t", "\n", "*", "?", "[a]", "{a,b}", "~", "!", "#", "&", "|",
            ";", "<", ">", "(", ")", "$(id)", "${x}", "é", "\u{301}", "\u{a0}", "日本", "-", "--", "=", "%s",
            "\\n", "\r", "\u{1b}", "\u{7f}", "EOF", "a", "b c", "''", "\"\"", "\\'", "\\\"", "\\`", "$'",
            "\\\\", "!!", "^",
        ])
        .prop_map(str::to_string),
        "[a-z0-9._/]{1,4}",
        any::<char>().prop_filter("NUL is refused", |c| *c != '\0').prop_map(|c| c.to_string()),
    ];
    proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// Runs a command and splits what it prints at NUL characters.
#[cfg(unix)]
fn printed(shell: &str, command: &str) -> Vec<String> {
    let output = std::process::Command::new(shell)
        .args(["-c", command])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shell}: {command:?}: {}", String::from_utf8_lossy(&output.stderr));
    text.split_terminator('\0').map(str::to_string).collect()
}

#[cfg(unix)]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_value_reaches_the_program_unchanged(text in nasty_text()) {
        let job = Job::nasty(&text);
        let path = if text.starts_with('-') { format!("./{text}") } else { text.clone() };
        let command = job.shell(concat!(
            r#"printf '%s\0' {input} '{input}' "{input}" {input:q} x{wildcards.s}y "$(printf %s. "{wildcards.s}")" "#,
            r#""$(printf %s. {wildcards.s})" {wildcards.s} # {wildcards.s}"#,
            "\n",
        )).unwrap();
        let dotted = format!("{text}.");
        let expected = vec![
            path.clone(), path.clone(), path.clone(), path, format!("x{text}y"),
            dotted.clone(), dotted, text.clone(),
        ];
        for shell in ["sh", "bash"] {
            prop_assert_eq!(printed(shell, &command), expected.clone(), "{}: {}", shell, &command);
        }
        let ansi = job.shell(r"printf '%s\0' $'\x41{wildcards.s}\x42'").unwrap();
        prop_assert_eq!(printed("bash", &ansi), vec![format!("A{text}B")], "{}", &ansi);
    }

    #[test]
    fn backticks_take_away_their_layer_of_backslashes(text in nasty_text()) {
        // See the known limit of `quote::write`.
        let text = text.replace('{', "");
        let job = Job::nasty(&text);
        let command = job.shell(concat!(
            r#"printf '%s\0' "`printf %s. {wildcards.s}`" "`printf %s. "{wildcards.s}"`" "#,
            r#""`printf %s. '{wildcards.s}'`" `printf %s '{wildcards.s}' >/dev/null`"#,
        )).unwrap();
        for shell in ["sh", "bash"] {
            prop_assert_eq!(printed(shell, &command), vec![format!("{text}."); 3], "{}: {}", shell, &command);
        }
    }

    #[test]
    fn a_value_inside_of_a_nested_command_is_quoted_for_both_shells(text in nasty_text()) {
        let job = Job::nasty(&text);
        let command = job.shell(concat!(
            r#"sh -c "printf '%s\\0' {wildcards.s:q}"; "#,
            r#"sh -c 'printf "%s\0" {wildcards.s:q}'"#,
        )).unwrap();
        for shell in ["sh", "bash"] {
            prop_assert_eq!(printed(shell, &command), vec![text.clone(), text.clone()], "{}", &command);
        }
    }

    #[test]
    fn a_heredoc_holds_the_value_unchanged(text in nasty_text()) {
        let text = text.replace('\n', "");
        prop_assume!(!text.is_empty());
        let job = Job::nasty(&text);
        let command = job.shell("cat <<EOF; cat <<'END'\n-{wildcards.s}.\nEOF\n-{wildcards.s}.\nEND\n").unwrap();
        for shell in ["sh", "bash"] {
            prop_assert_eq!(printed(shell, &command), vec![format!("-{text}.\n-{text}.\n")], "{}", &command);
        }
    }
}

fn template_text() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "{input}",
        "{input.ref}",
        "{input[0]}",
        "{wildcards.s}",
        "{params.pi:.2f}",
        "{output:q}",
        "{rule!r}",
        "{{",
        "}}",
        "'",
        "\"",
        "\\",
        "`",
        "$(",
        ")",
        "$((",
        "${{",
        "#",
        " ",
        "\n",
        "  ",
        "<<EOF",
        "EOF",
        "case x in",
        "esac",
        "a",
        "{",
        "}",
        "$",
        ";",
        "<<-'E'",
        "(",
        "é",
        "\t",
        "{threads:05}",
    ]);
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), built in template_text()) {
        for text in [text, built] {
            match Template::parse(&text) {
                Ok(template) => {
                    let _ = template.render(&Job::new().bindings(), RenderMode::Shell);
                    for field in template.fields() {
                        prop_assert!(text.get(field.at.0 as usize..field.at.1 as usize).is_some());
                    }
                }
                Err(errors) => for error in errors {
                    prop_assert!(text.get(error.at.0 as usize..error.at.1 as usize).is_some(), "{error:?}");
                },
            }
        }
    }

    #[test]
    fn the_canonical_text_means_the_same_command(text in template_text(), value in nasty_text()) {
        if let Ok(template) = Template::parse(&text) {
            let canonical = template.canonical();
            let again = parse::parse_exact(&canonical).unwrap();
            prop_assert_eq!(&again.canonical(), &canonical);
            let mut job = Job::new();
            job.wildcards = wildcards(&[("s", &value)]);
            job.output.1 = vec![value.as_str().into()];
            let render = |t: &Template| t.render(&job.bindings(), RenderMode::Shell).map_err(|e| e.message);
            prop_assert_eq!(render(&again), render(&template));
        }
    }
}
