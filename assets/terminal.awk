# Makes an SVG picture of a terminal's output: text with SGR sequences in, SVG out.
#   awk -f terminal.awk -v title='the command'

BEGIN {
    split("#484f58 #ff7b72 #3fb950 #d29922 #58a6ff #bc8cff #39c5cf #b1bac4", basic, " ")
    width = 8.4; height = 19; text = "#c9d1d9"
    rows = 0; columns = 0
    reset()
    put("$ " title)
}

function reset() { colour = text; weight = ""; opacity = "" }

function escape(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); return s }

# Characters, not bytes: continuation bytes of UTF-8 take no place of their own.
function places(s) { gsub(/[\200-\277]/, "", s); return length(s) }

function span(s) {
    if (s == "") return
    body[rows] = body[rows] sprintf("<tspan x=\"%.1f\" fill=\"%s\"%s%s xml:space=\"preserve\">%s</tspan>",
        16 + at * width, colour, weight, opacity, escape(s))
    at += places(s)
}

function put(line,   part) {
    rows++; at = 0
    while (match(line, /\033\[[0-9;?]*[A-Za-z]/)) {
        span(substr(line, 1, RSTART - 1))
        part = substr(line, RSTART + 2, RLENGTH - 3)
        if (substr(line, RSTART + RLENGTH - 1, 1) == "m") style(part)
        line = substr(line, RSTART + RLENGTH)
    }
    span(line)
    if (at > columns) columns = at
}

function style(codes,   list, n, i, c) {
    n = split(codes, list, ";")
    if (n == 0) reset()
    for (i = 1; i <= n; i++) {
        c = list[i] + 0
        if (c == 0) reset()
        else if (c == 1) weight = " font-weight=\"bold\""
        else if (c == 2) opacity = " opacity=\"0.6\""
        else if (c == 22) { weight = ""; opacity = "" }
        else if (c >= 30 && c <= 37) colour = basic[c - 29]
        else if (c >= 90 && c <= 97) colour = basic[c - 89]
        else if (c == 39) colour = text
        else if (c == 38 && list[i + 1] == 5) { c = list[i + 2] + 0; if (c < 16) colour = basic[c % 8 + 1]; i += 2 }
        else if (c == 38 && list[i + 1] == 2) { colour = sprintf("#%02x%02x%02x", list[i + 2], list[i + 3], list[i + 4]); i += 4 }
    }
}

{ put($0) }

END {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n", columns * width + 32, rows * height + 28
    print "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>"
    for (i = 1; i <= rows; i++) printf "<text y=\"%d\">%s</text>\n", 14 + i * height, body[i]
    print "</svg>"
}
