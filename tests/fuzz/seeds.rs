//! Writes the corpus to start from: the Rulefiles, programs and cases of the tests, each behind the byte that makes a
//! target take the rest as it is.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (tests, main) = (here.join(".."), here.join("../.."));
    let mut texts = vec![fs::read_to_string(main.join("examples/weather/Rulefile"))?];
    for folder in ["conformance", "fmt", "diagnostics/syntax", "diagnostics/eval", "diagnostics/rules", "diagnostics/plan"] {
        for entry in fs::read_dir(tests.join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "cases" || e == "in" || e == "case") {
                let text = fs::read_to_string(&path)?;
                // Files of cases stand under lines such as `--- Rulefile`.
                texts.extend(text.split("\n--- ").filter_map(|part| Some(part.split_once('\n')?.1.to_string())));
                if !text.contains("\n--- ") {
                    texts.push(text);
                }
            }
        }
    }
    let programs = fs::read_to_string(main.join("src/lang/differential_cases.txt"))?;
    let expressions: Vec<&str> = programs.lines().filter_map(|line| line.strip_prefix("> ")).collect();
    let expressions: Vec<String> = expressions.chunks(20).map(|some| some.join("\n")).collect();
    // The first byte that means "as it is", for each target that knows one.
    for (target, byte) in [("grammar", 0), ("formatter", 0), ("evaluator", 3), ("commands", 0)] {
        let corpus = here.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        for (index, text) in texts.iter().chain(&expressions).enumerate().filter(|(_, text)| text.len() < 8000) {
            // The formatter's first byte is the width, its second the kind of text.
            let head: &[u8] = if target == "formatter" { &[0, 0] } else { &[byte] };
            fs::write(corpus.join(format!("seed-{index}")), [head, text.as_bytes()].concat())?;
        }
    }
    Ok(())
}
