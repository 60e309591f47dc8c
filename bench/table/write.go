package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

func heading(commit string, res results, load string, now time.Time) string {
	loads := strings.Fields(load)
	if len(loads) > 3 {
		loads = loads[:3]
	}
	return fmt.Sprintf("Commit %s, %s, %d processors, %s, load afterwards %s.",
		commit, res.machine, res.procs, now.UTC().Format("2006-01-02 15:04 MST"), cmp.Or(strings.Join(loads, " "), "unknown"))
}

// write writes the table and the curves as Markdown.
func write(w io.Writer, res results, head string) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# Speed and memory\n\n%s\n\n", head)
	fmt.Fprintln(out, "| Work | Figure | Limit beside it | Of the limit | Goal | Met |")
	fmt.Fprintln(out, "|---|--:|--:|--:|---|---|")
	for _, g := range goals {
		fmt.Fprintln(out, "| "+strings.Join(res.row(g), " | ")+" |")
	}
	for _, c := range curves {
		sizes := res.sizes(c.prefix)
		if len(sizes) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n## %s\n\n| |", c.title)
		for _, n := range sizes {
			fmt.Fprintf(out, " %d |", n)
		}
		fmt.Fprint(out, "\n|---|"+strings.Repeat("--:|", len(sizes))+"\n")
		for _, unit := range c.units {
			fmt.Fprintf(out, "| %s |", unit)
			for _, n := range sizes {
				fmt.Fprintf(out, " %s |", number(res.values[c.prefix+strconv.Itoa(n)][unit]))
			}
			fmt.Fprintln(out)
		}
	}
	return out.Flush()
}

// row is a goal's cells.
func (r results) row(g goal) []string {
	v, ok := r.figure(g.figure)
	if !ok {
		return []string{g.work, "not measured", "", "", g.goal, ""}
	}
	cells := []string{g.work, shown(v, g.figure), "", "", g.goal, ""}
	limit, beside := r.figure(g.limit)
	if beside && limit != 0 {
		cells[2], cells[3] = shown(limit, g.limit), fmt.Sprintf("%.0f %%", 100*v/limit)
	}
	met := true
	met = met && (g.atLeast == 0 || v >= g.atLeast)
	met = met && (g.atMost == 0 || v <= g.atMost)
	met = met && (g.ratio <= 0 || beside && v >= g.ratio*limit)
	met = met && (g.ratio >= 0 || beside && v <= -g.ratio*limit)
	switch {
	case g.atLeast == 0 && g.atMost == 0 && g.ratio == 0:
	case met:
		cells[5] = "yes"
	default:
		cells[5] = "**no**"
	}
	return cells
}

func (r results) figure(f figure) (v float64, ok bool) {
	v, ok = r.values[f.bench][f.unit]
	if f.factor != 0 {
		v *= f.factor
	}
	if f.processors {
		v *= float64(max(r.procs, 1))
	}
	if f.inverse != 0 {
		v = f.inverse / v
	}
	return v, ok
}

func shown(v float64, f figure) string { return number(v) + " " + cmp.Or(f.shown, f.unit) }

// number writes three digits that count.
func number(v float64) string {
	switch {
	case v == 0:
		return ""
	case v >= 1000:
		s := strconv.FormatFloat(v, 'f', 0, 64)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// sizes are those of a curve's benchmarks, ascending.
func (r results) sizes(prefix string) (out []int) {
	for name := range r.values {
		if s, ok := strings.CutPrefix(name, prefix); ok {
			if n, err := strconv.Atoi(s); err == nil {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out
}
