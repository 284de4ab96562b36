// The page: which view an address stands for.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { BoardPage } from "./pages/board";
import { JobPage } from "./pages/job";
import { JobsPage } from "./pages/jobs";
import { NewJobPage } from "./pages/new-job";
import { followLinks, type Place, usePlace } from "./router";
import "./styles.css";

const LINKS = [
  ["/", "Board"],
  ["/jobs", "Jobs"],
  ["/jobs/new", "Submit"],
] as const;
const JOB = /^\/jobs\/(job_[\w-]+)$/;

function View({ place }: { place: Place }) {
  const job = JOB.exec(place.path)?.[1];
  if (place.path === "/") return <BoardPage place={place} />;
  if (place.path === "/jobs") return <JobsPage place={place} />;
  if (place.path === "/jobs/new") return <NewJobPage />;
  if (job) return <JobPage key={job} id={job} />;
  return (
    <main>
      <h1>Not found</h1>
      <p>
        There is no page at <code>{place.path}</code>. <a href="/">Go to the board.</a>
      </p>
    </main>
  );
}

function titleOf(path: string): string {
  const name = LINKS.find(([link]) => link === path)?.[1] ?? (JOB.test(path) ? "Job" : "Not found");
  return `${name} · Lethe`;
}

function Page() {
  const place = usePlace();
  useEffect(() => {
    document.title = titleOf(place.path);
  }, [place.path]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: links stay links; this only spares a reload
    // biome-ignore lint/a11y/noStaticElementInteractions: as above
    <div onClick={followLinks}>
      <header class="site">
        <a class="brand" href="/">
          Lethe
        </a>
        <nav aria-label="Pages">
          {LINKS.map(([path, name]) => (
            <a key={path} href={path} aria-current={place.path === path ? "page" : undefined}>
              {name}
            </a>
          ))}
          <a href="/docs" data-outside>
            API
          </a>
        </nav>
      </header>
      <View place={place} />
    </div>
  );
}

const root = document.getElementById("page");
if (root) render(<Page />, root);
