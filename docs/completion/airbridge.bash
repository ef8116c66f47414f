# bash completion for airbridge. Source it, or install it as /usr/share/bash-completion/completions/airbridge.

_airbridge_settings="node.profile node.name http.listen tak.enabled tak.listen tak.clients_max tak.idle_seconds peers.listen peers.connect bearers.use adsb.connect adsb.files adsb.files_repeat adsb.lines_per_second gnss.gpsd position.latitude position.longitude position.height_m maps.files log.level log.format store.disk_free_min_mib lab.insecure"
_airbridge_records="incident unit track site hazard casualty request task message journal plan membership attachment"

_airbridge() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" word options=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      init | invite | node | status | conflicts | resolve | compare | events | import | export | replay | backup | bundle | restore | diagnose | config | version)
        command=$word
        break
        ;;
    esac
  done
  COMPREPLY=()
  compopt +o nospace 2>/dev/null

  case $previous in
    -d | --dir) mapfile -t COMPREPLY < <(compgen -d -- "$current") && return ;;
    -c | --config | -o | --out | --join | --geojson | --since) mapfile -t COMPREPLY < <(compgen -f -- "$current") && return ;;
    --record) mapfile -t COMPREPLY < <(compgen -W "$_airbridge_records" -- "$current") && return ;;
    --set)
      compopt -o nospace 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -S = -W "$_airbridge_settings" -- "$current")
      return
      ;;
    --class) mapfile -t COMPREPLY < <(compgen -W "0 1 2" -- "$current") && return ;;
    --bearer) mapfile -t COMPREPLY < <(compgen -W "lan multicast:// udp:// serial:///dev/ kiss-tcp://" -- "$current") && return ;;
    --tak) mapfile -t COMPREPLY < <(compgen -W "off 127.0.0.1:8087" -- "$current") && return ;;
    --http | --listen | --peer | --adsb | --url | --name | --operator | --incident | --days | --after | -n | --limit | \
      --text | --until | --speed | --for | --max-size) return ;;
  esac

  case $command in
    "") options="init invite node status conflicts resolve compare events import export replay backup bundle restore diagnose config version --version" ;;
    init) options="--dir --name --operator --incident --exercise --join" ;;
    invite) options="--dir --days --out" ;;
    node) options="--dir --config --set --peer --bearer --listen --http --tak --adsb --insecure-lab" ;;
    status | conflicts) options="--dir --url --json" ;;
    resolve | compare) options="--dir --url" ;;
    events) options="--dir --url --after --limit --record --text --follow --json" ;;
    import) options="--dir --url" ;;
    export | diagnose) options="--dir --url --out" ;;
    replay) options="--dir --until --speed --verify --geojson" ;;
    backup) options="--dir --url --with-keys" ;;
    bundle) options="write ask read info --dir --url --for --since --all --class --max-size" ;;
    restore) options="--dir --join --name --operator" ;;
    config) options="--document" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$current")
  case $command in
    import | backup | bundle | restore)
      [[ $current == -* ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
      ;;
  esac
}
complete -o filenames -F _airbridge airbridge
