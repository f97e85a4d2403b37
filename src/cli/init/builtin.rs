//! The templates that come with the command, as Cookiecutter's are: `cookiecutter.json` and files.

/// One of them; its files by their paths below the project's directory.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) context: &'static str,
    pub(crate) files: &'static [(&'static str, &'static str)],
}

/// The name of the project's directory in all of them.
pub(crate) const TOP: &str = "{{ cookiecutter.project_name }}";

/// The variable whose default is what the project's directory is called.
pub(crate) const NAME: &str = "project_name";

const ONLY_NAME: &str = "{\"project_name\": \"project\", \"_copy_without_render\": [\"*\"]}";

macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("../templates/", $path))
    };
}

pub(crate) const ALL: [Template; 3] = [
    Template {
        name: "minimal",
        summary: "a Rulefile with three rules that runs at once",
        context: ONLY_NAME,
        files: &[
            (".gitignore", text!("minimal/gitignore")),
            ("Rulefile", text!("minimal/Rulefile")),
            ("texts/autumn.txt", text!("minimal/texts/autumn.txt")),
            ("texts/spring.txt", text!("minimal/texts/spring.txt")),
        ],
    },
    Template {
        name: "data-science",
        summary: "raw data to report, in the directories of cookiecutter-data-science",
        context: text!("data-science/cookiecutter.json"),
        files: &[
            (".gitignore", text!("data-science/gitignore")),
            ("README.md", text!("data-science/README.md")),
            ("Rulefile", text!("data-science/Rulefile")),
            ("data/external/.gitkeep", ""),
            ("data/interim/.gitkeep", ""),
            ("data/processed/.gitkeep", ""),
            ("data/raw/harvest.csv", text!("data-science/raw/harvest.csv")),
            ("docs/.gitkeep", ""),
            ("models/.gitkeep", ""),
            ("notebooks/.gitkeep", ""),
            ("params.yaml", text!("data-science/params.yaml")),
            ("pyproject.toml", text!("data-science/pyproject.toml")),
            ("references/.gitkeep", ""),
            ("reports/figures/.gitkeep", ""),
            ("{{ cookiecutter.module_name }}/__init__.py", text!("data-science/module/init.py")),
            ("{{ cookiecutter.module_name }}/dataset.py", text!("data-science/module/dataset.py")),
            ("{{ cookiecutter.module_name }}/features.py", text!("data-science/module/features.py")),
            (
                "{{ cookiecutter.module_name }}/modeling/__init__.py",
                text!("data-science/module/modeling/init.py"),
            ),
            (
                "{{ cookiecutter.module_name }}/modeling/predict.py",
                text!("data-science/module/modeling/predict.py"),
            ),
            (
                "{{ cookiecutter.module_name }}/modeling/train.py",
                text!("data-science/module/modeling/train.py"),
            ),
            ("{{ cookiecutter.module_name }}/plots.py", text!("data-science/module/plots.py")),
        ],
    },
    Template {
        name: "make-style",
        summary: "a program in C: compile, link, test, as one would with make",
        context: ONLY_NAME,
        files: &[
            (".gitignore", text!("make-style/gitignore")),
            ("Rulefile", text!("make-style/Rulefile")),
            ("src/greet.c", text!("make-style/src/greet.c")),
            ("src/greet.h", text!("make-style/src/greet.h")),
            ("src/main.c", text!("make-style/src/main.c")),
            ("tests/expected.txt", text!("make-style/tests/expected.txt")),
        ],
    },
];

pub(crate) fn named(name: &str) -> Option<&'static Template> {
    ALL.iter().find(|template| template.name == name)
}
