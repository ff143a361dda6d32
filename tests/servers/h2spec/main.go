// Runs all of h2spec's cases. Its own command can't show a certificate, which an endpoint by TLS asks for.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/summerwind/h2spec"
	"github.com/summerwind/h2spec/config"
)

func main() {
	c := &config.Config{Host: "127.0.0.1", Path: "/", MaxHeaderLen: 4000, Insecure: true}
	flag.IntVar(&c.Port, "port", 0, "the server's port on this machine")
	flag.DurationVar(&c.Timeout, "timeout", 5*time.Second, "for each answer")
	flag.StringVar(&c.JUnitReport, "report", "", "where the report goes, as JUnit writes it")
	flag.StringVar(&c.CertFile, "cert", "", "the client's certificate, for TLS")
	flag.StringVar(&c.CertKeyFile, "key", "", "its private key")
	flag.Parse()
	c.TLS = c.CertFile != ""

	success, err := h2spec.Run(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !success {
		os.Exit(1)
	}
}
