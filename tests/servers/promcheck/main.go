// Command promcheck says what Prometheus makes of rules, and of queries about given series.
//
// Its arguments are files of rules, which it prints: a JSON object a line with the rule's name, its query, and
// the metrics that the query selects. Each line of stdin is a JSON object with a query and, for some, series,
// whose values are a minute apart; it prints the same for each, and the query's result at the last value. What
// Prometheus refuses ends it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sort"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/teststorage"
)

type series struct {
	Labels map[string]string `json:"labels"`
	Values []float64         `json:"values"`
}

type question struct {
	Query  string   `json:"query"`
	Series []series `json:"series"`
}

type answer struct {
	Name    string              `json:"name"`
	Query   string              `json:"query"`
	Metrics []string            `json:"metrics"`
	Result  []map[string]string `json:"result"`
}

var parse = parser.NewParser(parser.Options{})

func metrics(query string) ([]string, error) {
	expression, err := parse.ParseExpr(query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	found := map[string]bool{}
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			for _, matcher := range selector.LabelMatchers {
				if matcher.Name == labels.MetricName {
					found[matcher.Value] = true
				}
			}
		}
		return nil
	})
	names := []string{}
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, nil
}

func evaluate(asked question) ([]map[string]string, error) {
	store, err := teststorage.NewWithError()
	if err != nil {
		return nil, err
	}
	defer store.Close()
	begin := time.Now().Truncate(time.Minute).Add(-24 * time.Hour)
	end := begin
	appender := store.Appender(context.Background())
	for _, each := range asked.Series {
		for minute, value := range each.Values {
			at := begin.Add(time.Duration(minute) * time.Minute)
			if _, err := appender.Append(0, labels.FromMap(each.Labels), at.UnixMilli(), value); err != nil {
				return nil, err
			}
			if at.After(end) {
				end = at
			}
		}
	}
	if err := appender.Commit(); err != nil {
		return nil, err
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute})
	defer engine.Close()
	query, err := engine.NewInstantQuery(context.Background(), store, nil, asked.Query, end)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	vector, err := query.Exec(context.Background()).Vector()
	if err != nil {
		return nil, err
	}
	found := []map[string]string{}
	for _, sample := range vector {
		found = append(found, sample.Metric.Map())
	}
	return found, nil
}

func rules(answers *json.Encoder) error {
	for _, path := range os.Args[1:] {
		groups, errs := rulefmt.ParseFile(path, false, model.LegacyValidation, parse, slog.Default())
		for _, err := range errs {
			return err
		}
		for _, group := range groups.Groups {
			for _, rule := range group.Rules {
				names, err := metrics(rule.Expr)
				if err != nil {
					return err
				}
				if err := answers.Encode(answer{rule.Record + rule.Alert, rule.Expr, names, nil}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func questions(answers *json.Encoder) error {
	lines := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var asked question
		if err := lines.Decode(&asked); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		names, err := metrics(asked.Query)
		if err != nil {
			return err
		}
		var result []map[string]string
		if asked.Series != nil {
			if result, err = evaluate(asked); err != nil {
				return fmt.Errorf("%s: %w", asked.Query, err)
			}
		}
		if err := answers.Encode(answer{"", asked.Query, names, result}); err != nil {
			return err
		}
	}
}

func main() {
	answers := json.NewEncoder(os.Stdout)
	err := rules(answers)
	if err == nil {
		err = questions(answers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
