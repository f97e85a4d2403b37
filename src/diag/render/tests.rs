use super::super::{Problem, SourceMap, Span};
use super::*;

const RULEFILE: &str = "\
rule all:
    input: 'a.txt'

rule clean:
    inptu: 'raw/{sample}.tsv'
    output: 'clean/{sample}.tsv'
";

fn rendered(problem: Problem, sources: &SourceMap) -> String {
    problem.resolve(sources).render(TextStyle::Plain)
}

fn span_of(sources: &SourceMap, source: super::super::SourceId, needle: &str) -> Span {
    let start = sources.file(source).text.find(needle).unwrap();
    Span::new(source, start, start + needle.len())
}

#[test]
fn a_mistake_shows_its_place_and_the_way_out() {
    let mut sources = SourceMap::default();
    let id = sources.add("Rulefile", RULEFILE);
    let problem = Problem::error("unknown-section", "unknown section `inptu` in rule `clean`")
        .at(span_of(&sources, id, "inptu"), "not a section")
        .note("sections of a rule are listed in the manual")
        .help("a section with a similar name exists: `input`");
    assert_eq!(
        rendered(problem, &sources),
        "\
error[unknown-section]: unknown section `inptu` in rule `clean`
 --> Rulefile:5:5
  |
5 |     inptu: 'raw/{sample}.tsv'
  |     ^^^^^ not a section
  |
  = note: sections of a rule are listed in the manual
  = help: a section with a similar name exists: `input`
"
    );
}

#[test]
fn labels_of_one_file_stand_in_line_order_and_other_files_follow() {
    let mut sources = SourceMap::default();
    let id = sources.add("Rulefile", RULEFILE);
    let other = sources.add("rules/more.smk", "x = 1\n");
    let problem = Problem::warning("shadowed", "two things have one name")
        .at(span_of(&sources, id, "clean:"), "here again")
        .at(span_of(&sources, other, "x = 1"), "and here")
        .at(span_of(&sources, id, "all"), "first here")
        .at(span_of(&sources, id, "rule clean"), "")
        .help("rename one\nof them");
    assert_eq!(
        rendered(problem, &sources),
        "\
warning[shadowed]: two things have one name
 --> Rulefile:4:6
  |
1 | rule all:
  |      --- first here
...
4 | rule clean:
  | ----------
  |      ^^^^^^ here again
  |
 ::: rules/more.smk:1:1
  |
1 | x = 1
  | ----- and here
  |
  = help: rename one
          of them
"
    );
}

#[test]
fn carets_stand_under_wide_characters_and_after_tabs() {
    let mut sources = SourceMap::default();
    let id = sources.add("R", "\t日本 = 'é' + bad\n");
    let problem = Problem::error("x", "m").at(span_of(&sources, id, "bad"), "");
    assert_eq!(
        rendered(problem, &sources),
        "error[x]: m\n --> R:1:13\n  |\n1 |     日本 = 'é' + bad\n  |                  ^^^\n"
    );
}

#[test]
fn control_characters_of_the_source_reach_no_terminal() {
    let mut sources = SourceMap::default();
    let id = sources.add("a\u{1b}b", "x\u{1b}[31m y\n");
    let problem = Problem::error("x", "bad\u{7} text").at(span_of(&sources, id, "y"), "\u{1b}");
    assert_eq!(
        rendered(problem, &sources),
        "error[x]: bad\\u{7} text\n --> a\\u{1b}b:1:8\n  |\n1 | x\\u{1b}[31m y\n  |             ^ \\u{1b}\n"
    );
}

#[test]
fn a_long_line_is_cut_around_the_caret() {
    let mut sources = SourceMap::default();
    let line = format!("{}BAD{}", "a".repeat(200), "b".repeat(200));
    let id = sources.add("R", line);
    let problem = Problem::error("x", "m").at(span_of(&sources, id, "BAD"), "here");
    let expected = format!(
        "error[x]: m\n --> R:1:201\n  |\n1 | ...{}BAD{}...\n  |    {}^^^ here\n",
        "a".repeat(22),
        "b".repeat(41),
        " ".repeat(22)
    );
    assert_eq!(rendered(problem, &sources), expected);
}

#[test]
fn no_row_of_an_excerpt_is_wider_than_80_columns_wherever_the_mistake_is() {
    for at in 0..300 {
        for length in [0, 1, 60, 300] {
            let mut sources = SourceMap::default();
            let id = sources.add("R", "é".repeat(300));
            let end = (at + length).min(300);
            let problem = Problem::error("x", "m").at(Span::new(id, at * 2, end * 2), "");
            let text = rendered(problem, &sources);
            assert!(text.lines().all(|l| l.chars().count() <= 80), "{at} {length}\n{text}");
            assert!(text.contains('^'), "{at} {length}\n{text}");
        }
    }
}

#[test]
fn a_span_over_several_lines_is_marked_to_the_end_of_its_first() {
    let mut sources = SourceMap::default();
    let id = sources.add("R", "shell: '''a\nb'''\n");
    let problem = Problem::error("x", "m").at(Span::new(id, 7, 16), "");
    assert_eq!(
        rendered(problem, &sources),
        "error[x]: m\n --> R:1:8\n  |\n1 | shell: '''a\n  |        ^^^^\n"
    );
}

#[test]
fn a_place_at_the_end_of_the_text_has_a_caret() {
    let mut sources = SourceMap::default();
    let id = sources.add("R", "rule a");
    let problem = Problem::error("x", "m").at(Span::new(id, 6, 6), "expected `:`");
    assert_eq!(
        rendered(problem, &sources),
        "error[x]: m\n --> R:1:7\n  |\n1 | rule a\n  |       ^ expected `:`\n"
    );
}

#[test]
fn line_numbers_of_different_length_share_one_margin() {
    let mut sources = SourceMap::default();
    let id = sources.add("R", "x\n".repeat(120));
    let problem = Problem::error("x", "m").at(Span::new(id, 198, 199), "").at(Span::new(id, 14, 15), "old");
    assert_eq!(
        rendered(problem, &sources),
        "error[x]: m\n   --> R:100:1\n    |\n  8 | x\n    | - old\n...\n100 | x\n    | ^\n"
    );
}

#[test]
fn without_a_place_only_words_are_shown() {
    let problem = Problem::error("cycle", "the plan has a cycle:\na needs b\nb needs a").help("break it");
    assert_eq!(
        rendered(problem, &SourceMap::default()),
        "error[cycle]: the plan has a cycle:\n  a needs b\n  b needs a\n  = help: break it\n"
    );
}

#[test]
fn colours_change_nothing_but_colours() {
    let mut sources = SourceMap::default();
    let id = sources.add("Rulefile", RULEFILE);
    let diagnostic =
        Problem::error("x", "m").at(span_of(&sources, id, "inptu"), "no").help("do").resolve(&sources);
    let ansi = diagnostic.render(TextStyle::Ansi);
    assert!(ansi.contains("\u{1b}[1;31m^^^^^ no\u{1b}[0m"), "{ansi}");
    let mut plain = String::new();
    let mut inside = false;
    for c in ansi.chars() {
        match c {
            '\u{1b}' => inside = true,
            'm' if inside => inside = false,
            _ if inside => {}
            c => plain.push(c),
        }
    }
    assert_eq!(plain, diagnostic.render(TextStyle::Plain));
}
