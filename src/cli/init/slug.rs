//! The filter `slugify`, as the Python package of that name does it.

/// The options that a template may give.
#[derive(Debug, Clone)]
pub(super) struct SlugOptions {
    pub(super) max_length: usize,
    pub(super) word_boundary: bool,
    pub(super) separator: String,
    pub(super) save_order: bool,
    pub(super) stopwords: Vec<String>,
    pub(super) lowercase: bool,
    pub(super) replacements: Vec<(String, String)>,
    pub(super) allow_unicode: bool,
}

impl Default for SlugOptions {
    fn default() -> SlugOptions {
        SlugOptions {
            max_length: 0,
            word_boundary: false,
            separator: "-".into(),
            save_order: false,
            stopwords: Vec::new(),
            lowercase: true,
            replacements: Vec::new(),
            allow_unicode: false,
        }
    }
}

pub(super) fn slugify(text: &str, options: &SlugOptions) -> String {
    let replaced = |text: String| {
        options.replacements.iter().fold(text, |text, (from, to)| text.replace(from.as_str(), to))
    };
    let mut text = replaced(text.to_string()).replace('\'', "-");
    if !options.allow_unicode {
        text = deunicode::deunicode_with_tofu(&text, "");
    }
    text = with_characters(&text);
    if !options.allow_unicode {
        text = deunicode::deunicode_with_tofu(&text, "");
    }
    if options.lowercase {
        text = text.to_lowercase();
    }
    let text = without_thousands(&text.replace('\'', ""));
    let kept =
        |c: char| c.is_ascii_alphanumeric() || (options.allow_unicode && (c.is_alphanumeric() || c == '_'));
    let words: Vec<&str> = text.split(|c| !kept(c)).filter(|word| !word.is_empty()).collect();
    let stops = |word: &&&str| {
        let same =
            |stop: &String| if options.lowercase { stop.to_lowercase() == **word } else { stop == *word };
        !options.stopwords.iter().any(same)
    };
    let words: Vec<&str> = words.iter().filter(stops).copied().collect();
    let text = replaced(words.join("-"));
    let text = if options.max_length > 0 { truncated(&text, options) } else { text };
    text.replace('-', &options.separator)
}

/// `1,000` is one number.
fn without_thousands(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let kept = |at: usize| chars[at] != ',' || !digit(at.checked_sub(1)) || !digit(Some(at + 1));
    (0..chars.len()).filter(|at| kept(*at)).map(|at| chars[at]).collect()
}

/// `&amp;`, `&#38;` and `&#x26;` as the characters that they stand for.
fn with_characters(text: &str) -> String {
    const NAMED: [(&str, char); 12] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("nbsp", ' '),
        ("copy", '©'),
        ("reg", '®'),
        ("auml", 'ä'),
        ("ouml", 'ö'),
        ("uuml", 'ü'),
        ("szlig", 'ß'),
        ("eacute", 'é'),
    ];
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after.find(';').filter(|end| *end <= 10);
        let character = end.and_then(|end| {
            let name = &after[..end];
            let code = match name.strip_prefix('#') {
                Some(digits) => match digits.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => digits.parse().ok(),
                },
                None => return NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
            };
            code.and_then(char::from_u32)
        });
        match (character, end) {
            (Some(c), Some(end)) => {
                out.push(c);
                rest = &after[end + 1..];
            }
            _ => {
                out.push('&');
                rest = after;
            }
        }
    }
    out + rest
}

fn truncated(text: &str, options: &SlugOptions) -> String {
    let max = options.max_length;
    let count = text.chars().count();
    if count < max {
        return text.to_string();
    }
    let cut: String = text.chars().take(max).collect();
    if !options.word_boundary {
        return cut.trim_matches('-').to_string();
    }
    let mut whole = String::new();
    for word in text.split('-').filter(|word| !word.is_empty()) {
        let length = whole.chars().count() + word.chars().count();
        if length < max {
            whole.push_str(word);
            whole.push('-');
        } else if length == max {
            whole.push_str(word);
            break;
        } else if options.save_order {
            break;
        }
    }
    let whole = if whole.is_empty() { cut } else { whole };
    whole.trim_matches('-').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_those_of_the_package() {
        let plain = SlugOptions::default();
        for (text, expected) in [
            ("My Project", "my-project"),
            ("  __Héllo,  wörld! ", "hello-world"),
            ("it's 1,000 &amp; more", "it-s-1000-more"),
            ("a&#66;c &#x44;", "abc-d"),
            ("", ""),
            ("---", ""),
        ] {
            assert_eq!(slugify(text, &plain), expected, "{text}");
        }
        let with = SlugOptions { separator: "_".into(), max_length: 9, ..SlugOptions::default() };
        assert_eq!(slugify("one two three", &with), "one_two_t");
        let with = SlugOptions { word_boundary: true, max_length: 9, ..SlugOptions::default() };
        assert_eq!(slugify("one two three", &with), "one-two");
        let with = SlugOptions { stopwords: vec!["the".into()], lowercase: false, ..SlugOptions::default() };
        assert_eq!(slugify("the Big One", &with), "Big-One");
    }
}
