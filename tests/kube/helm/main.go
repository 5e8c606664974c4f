// Command helm prints what Helm makes of a chart:
//
//	helm CHART NAMESPACE [NAME=VALUE...]
//
// It is Helm's own engine and reading of values; what Helm does besides needs a cluster.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/strvals"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "helm CHART NAMESPACE [NAME=VALUE...]")
		os.Exit(2)
	}
	if err := render(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(folder, namespace string, settings []string) error {
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	given, err := strvals.Parse(strings.Join(settings, ","))
	if err != nil {
		return err
	}
	release := chartutil.ReleaseOptions{Name: "test", Namespace: namespace, Revision: 1, IsInstall: true}
	values, err := chartutil.ToRenderValues(chart, given, release, chartutil.DefaultCapabilities)
	if err != nil {
		return err
	}
	files, err := engine.Engine{Strict: true}.Render(chart, values)
	if err != nil {
		return err
	}
	print(files)
	return nil
}

// In the order of the templates' names; those that make nothing are left out.
func print(files map[string]string) {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		text := strings.TrimSpace(files[name])
		if filepath.Ext(name) == ".yaml" && text != "" {
			fmt.Printf("---\n%s\n", text)
		}
	}
}
