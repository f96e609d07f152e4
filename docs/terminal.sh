#!/usr/bin/env bash
# Prints docs/terminal.md: what the command shows on a terminal of 80 columns. Needs tmux, and
# qwen3-tts, a release build, in PATH:
#     PATH="$PWD/target/release:$PATH" docs/terminal.sh > docs/terminal.md
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
socket=qwen3-tts-$$
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -r "$work"' EXIT
cd "$work"
export HF_HUB_CACHE=hub HF_HUB_OFFLINE=1

# show COMMAND [SECONDS]: runs a command on a terminal, and prints the screen after SECONDS if it is
# given, and when the command has ended.
show() {
    printf '%s\n' "$1" >command
    cat >session <<'END'
printf '$ %s\n' "$(cat command)"
sh command
status=$?
[ "$status" = 0 ] || printf '(exit code %s)\n' "$status"
touch ended
sleep 600
END
    rm -f ended
    tmux -L "$socket" -f /dev/null new-session -d -x 80 -y 200 sh session
    echo '```text'
    if [ -n "${2:-}" ]; then
        sleep "$2"
        screen
        printf '```\n\n%s\n\n```text\n' "and at the end"
    fi
    while [ ! -e ended ]; do sleep 0.1; done
    sleep 0.3
    screen
    echo '```'
    echo
    tmux -L "$socket" kill-server
}

# Prints the screen without the empty lines at its end.
screen() { tmux -L "$socket" capture-pane -p | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }

title() { printf '## %s\n\n' "$1"; }

cp "$repository/fixtures/goldens/demo_voice/arlo-0.flac" ann.flac
cp -r "$repository/fixtures/checkpoints/custom_voice_0b6" tiny
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    printf 'This is paragraph %s. It says little, and takes a while. Then it ends.\n\n' "$i"
done >chapter.txt
cat >requests.jsonl <<'END'
{"text": "Turn the lights on.", "file": "on.wav", "speaker": "arlo", "seed": 1}
{"text": "Turn the lights off.", "file": "off.flac", "speaker": "mina", "seed": 2}
{"text": "Turn the heating on.", "file": "heating.wav", "speaker": "nobody"}
END
printf 'The wind rose. [pause soon] Then a voice.\n' >scene.txt

cat <<'END'
# On a terminal

What each command shows on a terminal of 80 columns, with the demo voice and the tiny checkpoints of the
tests. `docs/terminal.sh`, which uses tmux, records this page; the lines in parentheses are its own.

END
title speak
show 'qwen3-tts speak "Hello from Rust." --seed 1 -o hello.wav'
show 'qwen3-tts speak -f chapter.txt --seed 1 -o chapter.opus' 0.8
title subtitles
show 'qwen3-tts speak "Good morning. This is a caption. This is another." \
    --subtitles talk.srt --subtitle-granularity sentence --seed 1 -o talk.flac
cat talk.srt'
title 'Mistakes'
show 'qwen3-tts speak Hello there'
show 'qwen3-tts speak "Hello." --speeker mina'
show 'qwen3-tts speak "Hello." --speaker nina'
show 'qwen3-tts speak -f scene.txt --markup'
show 'qwen3-tts speak "Hello." -o hello.xyz'
show 'qwen3-tts speak "Hello." --speed 9 -o hello.wav'
show 'qwen3-tts speak "Hello." --ref-audio bob.wav --x-vector-only'
title batch
show 'qwen3-tts batch requests.jsonl --out lights'
show 'qwen3-tts batch requests.jsonl --out shared --shard 2/2'
title voice
show 'qwen3-tts voice create --ref-audio ann.flac --x-vector-only -o ann.voice'
show 'qwen3-tts voice show ann.voice'
title codec
show 'qwen3-tts codec encode ann.flac -o ann.json'
show 'qwen3-tts codec decode ann.json -o again.wav'
title 'voices and info'
show 'qwen3-tts voices'
show 'qwen3-tts voices tiny'
show 'qwen3-tts info tiny'
title 'convert and download'
show 'qwen3-tts convert tiny tiny-8bit --quantize 8'
show 'qwen3-tts convert tiny-8bit tiny-4bit --quantize 4'
show 'qwen3-tts download Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice'
title doctor
show 'qwen3-tts doctor' 3
title 'completions and man'
show 'qwen3-tts completions bash | head -n 5'
show 'qwen3-tts man | man -l - | head -n 20'
show 'qwen3-tts man --dir man1'
