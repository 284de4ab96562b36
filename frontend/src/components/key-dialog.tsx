// Use a key: for services that ask for one. Opened by the reader, or by what the service refused without.
import { useEffect, useRef, useState } from "preact/hooks";
import { checkKey, inWords } from "../api/client";
import { keepKey, keptKey, listenForKey } from "../api/key";

export function KeyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [key, setKey] = useState("");
  const [hasKey, setHasKey] = useState(() => keptKey() !== null);
  const [why, setWhy] = useState<string | null>(null);
  const [isChecking, setIsChecking] = useState(false);

  const open = (reason: string | null) => {
    setKey("");
    setWhy(reason);
    if (!dialog.current?.open) dialog.current?.showModal();
  };
  useEffect(() => listenForKey({ onChanged: () => setHasKey(keptKey() !== null), onWanted: open }), []);

  const use = async (event: Event) => {
    event.preventDefault();
    const given = key.trim();
    setIsChecking(true);
    try {
      await checkKey(given);
      keepKey(given);
      dialog.current?.close();
    } catch (error) {
      setWhy(inWords(error));
    }
    setIsChecking(false);
  };
  const forget = () => {
    keepKey(null);
    dialog.current?.close();
  };

  return (
    <>
      <button type="button" class="quiet-control" onClick={() => open(null)}>
        {hasKey ? "Key in use" : "Use a key"}
      </button>
      <dialog ref={dialog} aria-labelledby="key-title">
        <form onSubmit={(event) => void use(event)}>
          <h2 id="key-title">Use a key</h2>
          {why && (
            <p class="notice bad" role="alert">
              {why}
            </p>
          )}
          <p class="quiet">
            A service that others use asks for a key before it works for you. Its administrators make one with{" "}
            <code>lethe keys create NAME</code>. It stays in this tab, and is gone when you close it.
          </p>
          <label class="field">
            <span class="title">Key</span>
            <input
              type="password"
              name="key"
              value={key}
              autoComplete="off"
              spellcheck={false}
              placeholder="lethe_…"
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          </label>
          <p class="actions">
            <button type="submit" class="primary" disabled={isChecking || key.trim() === ""}>
              {isChecking ? "Checking …" : "Use it"}
            </button>
            {hasKey && (
              <button type="button" onClick={forget}>
                Forget the key in use
              </button>
            )}
            <button type="button" onClick={() => dialog.current?.close()}>
              Close
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}
