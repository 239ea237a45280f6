// Gets ready before each suspend and says what came of it; speaks the wire, needs no cgo.
package main

import ("bufio"; "encoding/json"; "fmt"; "log"; "net")

type message struct {
	Parameters struct{ Event, Token, Kind, Outcome string }
}

func main() {
	agent, err := net.Dial("unix", "/run/libresume/agent.sock")
	if err != nil { log.Fatal("no agent runs here: ", err) }
	say := func(call string, a ...any) { fmt.Fprintf(agent, call+"\x00", a...) }
	say(`{"method":"io.libresume.Agent1.Subscribe","more":true,"parameters":{"label":"watch.go"}}`)
	in := bufio.NewReader(agent)
	for {
		text, err := in.ReadBytes(0)
		if err != nil { log.Fatal("the agent went: ", err) }
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil { continue }
		switch event := m.Parameters; event.Event {
		case "before":
			fmt.Println("a suspend comes:", event.Kind)
			say(`{"method":"io.libresume.Agent1.Answer","oneway":true,`+
				`"parameters":{"token":%q,"answer":"ready"}}`, event.Token)
		case "after":
			fmt.Printf("%s: %s\n", event.Kind, event.Outcome)
		}
	}
}
