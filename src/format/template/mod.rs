//! Go's text templates, as far as docker's users write them in `--format`.
//!
//! Fields, variables, pipelines, `if`/`else if`/`with`/`range`/`break`/`continue`,
//! comments, trim marks, the built-in functions and docker's own (`json`, `join`,
//! `split`, `lower`, `upper`, `title`, `pad`, `truncate`). Named templates are refused.
//!
//! Why our own: the one crate that does this (gtmpl 0.7.1, last released in 2021) runs a
//! `range`'s `else` after its body, has no `slice`, no `break`, no method calls such as
//! docker's `.Label "key"`, ignores `printf` flags and `%q`, loses the order of JSON
//! objects and prints its own internals in errors; each of those is a format that works
//! with docker today.

mod eval;
mod functions;
mod lex;
mod parse;

use serde_json::Value;

/// A template that was read and found well-formed.
#[derive(Clone, Debug)]
pub struct Template {
    nodes: Vec<parse::Node>,
    source: String,
}

/// Why a template is malformed or could not be filled in, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {0}")]
pub struct TemplateError(String);

/// Answers the calls of methods, such as docker's `.Label "key"`; `None` if there is no
/// such method.
pub type Methods<'a> = &'a dyn Fn(&str, &[Value]) -> Option<Value>;

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let nodes = parse::parse(lex::lex(text)?)?;
        Ok(Self {
            nodes,
            source: text.to_owned(),
        })
    }

    /// Whether its output may depend on a field of the data: so that what is costly to
    /// find out and not asked for can be left null. Errs on the side of yes.
    pub fn may_use(&self, field: &str) -> bool {
        // A dot alone, or `$`, is the data as a whole.
        let is_whole = self.source.contains('$')
            || self
                .source
                .split('.')
                .skip(1)
                .any(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        is_whole || self.source.contains(field)
    }

    /// Fills it in. A field that the data doesn't have is an error that names the ones
    /// it has, except in objects whose keys are the user's (labels, for example).
    pub fn render(&self, data: &Value, methods: Methods<'_>) -> Result<String, TemplateError> {
        eval::render(&self.nodes, data, methods)
    }
}

/// Docker lets a shell's single-quoted `\t` and `\n` stand for the characters.
pub fn unescape(format: &str) -> String {
    format.replace("\\t", "\t").replace("\\n", "\n")
}

/// Lines of cells that are separated by tabulators, set in columns as Go's tabwriter
/// does for docker: at least ten wide, three apart, the last of each line not filled.
pub fn align_tabs(lines: &[String]) -> String {
    const MIN: usize = 10;
    const GAP: usize = 3;
    let rows: Vec<Vec<&str>> = lines.iter().map(|l| l.split('\t').collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            // The last cell of a line ends it and so belongs to no column.
            let cells = rows.iter().filter(|row| column + 1 < row.len());
            let widest = cells.map(|row| super::text::width(row[column])).max();
            (widest.unwrap_or(0) + GAP).max(MIN)
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            out.push_str(cell);
            if column + 1 < row.len() {
                let fill = widths[column] - super::text::width(cell);
                out.extend(std::iter::repeat_n(' ', fill));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str) -> Result<String, String> {
        let data = json!({
            "Names": "web", "ID": "abcdef0123456789", "State": "running", "N": 3,
            "Neg": -1, "Half": 0.5, "Nil": null, "Empty": [], "Arr": ["a", "b"],
            "Labels": {"com.x/y": "v", "a": "w"}, "Config": {"Tty": false, "Cmd": ["x"]},
        });
        let methods = |name: &str, args: &[Value]| {
            (name == "Label").then(|| json!(format!("label of {}", args[0].as_str().unwrap())))
        };
        Template::parse(template)
            .and_then(|t| t.render(&data, &methods))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn real_world_formats_render_as_docker_renders_them() {
        for (template, expected) in [
            ("{{.Names}}\t{{.State}}", "web\trunning"),
            ("{{ .ID }}: {{ .Names }}", "abcdef0123456789: web"),
            (r#"{{if eq .State "running"}}up{{else}}down{{end}}"#, "up"),
            (
                r#"{{if eq .N 4}}4{{else if eq .N 3}}3{{else}}?{{end}}"#,
                "3",
            ),
            ("a {{- .Names -}}  b", "awebb"),
            (
                "{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}",
                "a=w com.x/y=v ",
            ),
            ("{{range .Arr}}[{{.}}]{{else}}none{{end}}", "[a][b]"),
            ("{{range .Empty}}[{{.}}]{{else}}none{{end}}", "none"),
            (
                "{{range $i, $e := .Arr}}{{if $i}}, {{end}}{{$e}}{{end}}",
                "a, b",
            ),
            ("{{range .Arr}}{{$.Names}}{{break}}{{end}}", "web"),
            (
                r#"{{range .Arr}}{{if eq . "a"}}{{continue}}{{end}}{{.}}{{end}}"#,
                "b",
            ),
            (r#"{{index .Labels "com.x/y"}}"#, "v"),
            (
                r#"{{index .Labels "none"}}|{{.Labels.none}}"#,
                "<no value>|<no value>",
            ),
            (r#"{{.Label "com.x"}}"#, "label of com.x"),
            (
                r#"{{printf "%-6s|%5d|%.4s|%03d|%q" .Names .N .ID .N .Names}}"#,
                "web   |    3|abcd|003|\"web\"",
            ),
            (
                r#"{{printf "%5.1f%% %v %t %x %s" .Half .Arr true 255 .Names}}"#,
                "  0.5% [a b] true ff web",
            ),
            ("{{println .Names}}", "web\n"),
            ("{{print .N .Neg}}", "3 -1"),
            (
                "{{json .Arr}} {{json .Names}} {{json .Config}}",
                r#"["a","b"] "web" {"Tty":false,"Cmd":["x"]}"#,
            ),
            (
                "{{.Names | upper}}{{upper (printf \"%s\" .Names)}}",
                "WEBWEB",
            ),
            (
                r#"{{join .Arr ", "}} {{index (split "x/y" "/") 1}} {{title "abc"}} {{lower "ABC"}}"#,
                "a, b y Abc abc",
            ),
            (r#"{{truncate .ID 4}}|{{pad .Names 1 2}}|"#, "abcd| web  |"),
            (
                "{{with .Nil}}x{{else}}no{{end}}{{with .Names}}<{{.}}>{{end}}",
                "no<web>",
            ),
            ("{{with $x := .N}}{{$x}}{{end}}", "3"),
            ("{{/* comment */}}x{{- /* c */ -}} y", "xy"),
            ("{{len .Arr}} {{len .ID}}", "2 16"),
            (
                "{{and .N .State}} {{or .Nil .State}} {{not .Nil}}",
                "running running true",
            ),
            (
                "{{gt .N 2}} {{lt .N 2}} {{ge .N 3}} {{le .N 2}} {{ne .State \"x\"}}",
                "true false true false true",
            ),
            ("{{slice .ID 0 12}}", "abcdef012345"),
            (
                "{{.Neg}} {{.Half}} {{.Nil}} {{.Arr}} {{.Labels}}",
                "-1 0.5 <no value> [a b] map[a:w com.x/y:v]",
            ),
            ("{{$x := 1}}{{$x = 2}}{{$x}}", "2"),
            (r#"{{eq .State "a" "running"}}"#, "true"),
            (r#"{{if and (eq .N 3) (ne .State "x")}}y{{end}}"#, "y"),
            (r#"{{"q\t\""}}{{`raw\t`}}"#, "q\t\"raw\\t"),
            ("{{.Config.Tty}}{{(index .Arr 0)}}", "falsea"),
            (
                "{{.}}",
                "map[Arr:[a b] Config:map[Cmd:[x] Tty:false] Empty:[] Half:0.5 ID:abcdef0123456789 Labels:map[a:w com.x/y:v] N:3 Names:web Neg:-1 Nil:<nil> State:running]",
            ),
        ] {
            assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn unknown_field_is_named_with_the_ones_that_there_are() {
        let error = render("{{.Nope}}").unwrap_err();
        assert!(error.contains("no field Nope"), "{error}");
        assert!(error.contains("Names, ID, State"), "{error}");
        assert!(render("{{.Config.Nope}}").unwrap_err().contains("Tty, Cmd"));
        assert!(render("{{.Names.Foo}}").unwrap_err().contains("Foo"));
    }

    #[test]
    fn malformed_templates_are_refused_with_the_reason() {
        for template in [
            "{{",
            "{{if .N}}",
            "{{.Names",
            "{{nope .Names}}",
            "{{end}}",
            "{{else}}",
            "{{}}",
            "{{\"x}}",
            "{{/* x }}",
            "{{if .N}}{{else}}{{else}}{{end}}",
            "{{break}}",
            "{{$x}}",
            "{{define \"x\"}}{{end}}",
            "{{template \"x\"}}",
            "{{.Names |}}",
            "{{(.Names}}",
            "{{range .N .N}}{{end}}",
            "{{1 2}}",
            "{{index .Arr 9}}",
            "{{slice .ID 9 99}}",
            "{{lt .N \"x\"}}",
            "{{printf}}",
            "{{len 3}}",
            "{{.Names .N}}",
            "{{slice .Names 0 -1}}",
        ] {
            let got = render(template);
            assert!(got.is_err(), "{template} gave {got:?}");
        }
    }

    #[test]
    fn template_that_takes_the_data_whole_may_use_every_field() {
        let may = |text: &str| Template::parse(text).unwrap().may_use("Size");
        assert!(may("{{.Size}}") && may("{{json .}}") && may("{{.}}") && may("{{$.Names}}"));
        assert!(!may("{{.Names}}\t{{.ID}}"));
    }

    #[test]
    fn tables_are_aligned_as_docker_aligns_them() {
        let lines = ["NAMES\tSTATUS", "a-long-name-it-is\tUp", "漢字\tUp"].map(String::from);
        assert_eq!(
            align_tabs(&lines),
            "NAMES               STATUS\na-long-name-it-is   Up\n漢字                Up\n"
        );
        assert_eq!(
            unescape(r"table {{.A}}\t{{.B}}\n"),
            "table {{.A}}\t{{.B}}\n"
        );
    }
}
