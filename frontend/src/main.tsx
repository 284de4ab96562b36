// The page: which view an address stands for.
import { type ComponentChild, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { KeyDialog } from "./components/key-dialog";
import { ThemeSwitch } from "./components/theme-switch";
import { BoardPage } from "./pages/board";
import { ComparePage } from "./pages/compare";
import { JobPage } from "./pages/job";
import { JobsPage } from "./pages/jobs";
import { NewJobPage } from "./pages/new-job";
import { PaperPage } from "./pages/paper";
import { PrivacyPage } from "./pages/privacy";
import { ResultPage } from "./pages/result";
import { SensitivityPage } from "./pages/sensitivity";
import { SettingPage } from "./pages/setting";
import { SnapshotPage } from "./pages/snapshot";
import { SnapshotDiffPage } from "./pages/snapshot-diff";
import { SnapshotsPage } from "./pages/snapshots";
import { StatusPage } from "./pages/status";
import { TradeOffsPage } from "./pages/trade-offs";
import { UnlearnerPage } from "./pages/unlearner";
import { UnlearnersPage } from "./pages/unlearners";
import { WorkersPage } from "./pages/workers";
import { followLinks, type Place, usePlace } from "./router";
import "./styles.css";

const LINKS = [
  ["/", "Board"],
  ["/unlearners", "Unlearners"],
  ["/compare", "Compare"],
  ["/trade-offs", "Trade-offs"],
  ["/privacy", "Privacy"],
  ["/paper", "Paper"],
  ["/snapshots", "Snapshots"],
  ["/jobs", "Jobs"],
  ["/jobs/new", "Submit"],
  ["/status", "Status"],
] as const;

interface Route {
  path: RegExp;
  title: string;
  view: (place: Place, id: string) => ComponentChild;
}

const ROUTES: Route[] = [
  { path: /^\/$/, title: "Board", view: (place) => <BoardPage place={place} /> },
  { path: /^\/unlearners$/, title: "Unlearners", view: () => <UnlearnersPage /> },
  {
    path: /^\/unlearners\/(\w+)$/,
    title: "Unlearner",
    view: (place, id) => <UnlearnerPage key={id} id={id} place={place} />,
  },
  {
    path: /^\/settings\/(set_\w+)$/,
    title: "Setting",
    view: (place, id) => <SettingPage key={id} id={id} place={place} />,
  },
  { path: /^\/results\/(res_[\w-]+)$/, title: "Result", view: (_, id) => <ResultPage key={id} id={id} /> },
  { path: /^\/compare$/, title: "Compare", view: (place) => <ComparePage place={place} /> },
  { path: /^\/trade-offs$/, title: "Trade-offs", view: (place) => <TradeOffsPage place={place} /> },
  { path: /^\/privacy$/, title: "Privacy", view: (place) => <PrivacyPage place={place} /> },
  {
    path: /^\/sensitivity$/,
    title: "Sensitivity",
    view: (place) => <SensitivityPage place={place} />,
  },
  { path: /^\/paper$/, title: "Paper", view: (place) => <PaperPage place={place} /> },
  { path: /^\/snapshots$/, title: "Snapshots", view: (place) => <SnapshotsPage place={place} /> },
  {
    path: /^\/snapshots\/diff$/,
    title: "What moved",
    view: (place) => <SnapshotDiffPage place={place} />,
  },
  {
    path: /^\/snapshots\/(paper|snp_[\w-]+)$/,
    title: "Snapshot",
    view: (place, id) => <SnapshotPage key={id} id={id} place={place} />,
  },
  { path: /^\/jobs$/, title: "Jobs", view: (place) => <JobsPage place={place} /> },
  { path: /^\/jobs\/new$/, title: "Submit", view: (place) => <NewJobPage place={place} /> },
  { path: /^\/jobs\/(job_[\w-]+)$/, title: "Job", view: (_, id) => <JobPage key={id} id={id} /> },
  { path: /^\/status$/, title: "Status", view: () => <StatusPage /> },
  { path: /^\/workers$/, title: "Workers", view: () => <WorkersPage /> },
];

const routeOf = (path: string): Route | undefined => ROUTES.find((route) => route.path.test(path));

function View({ place }: { place: Place }) {
  const route = routeOf(place.path);
  if (route) return <>{route.view(place, route.path.exec(place.path)?.[1] ?? "")}</>;
  return (
    <main>
      <h1>Not found</h1>
      <p>
        There is no page at <code>{place.path}</code>. <a href="/">Go to the board.</a>
      </p>
    </main>
  );
}

function Page() {
  const place = usePlace();
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const current = nav.current?.querySelector("[aria-current]"); // on a phone it may be out of sight
    current?.scrollIntoView({ block: "nearest", inline: "center" });
    document.title = `${routeOf(place.path)?.title ?? "Not found"} · Lethe`;
  }, [place.path]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: links stay links; this only spares a reload
    // biome-ignore lint/a11y/noStaticElementInteractions: as above
    <div onClick={followLinks}>
      <header class="site">
        <a class="brand" href="/">
          Lethe
        </a>
        <nav ref={nav} aria-label="Pages">
          {LINKS.map(([path, name]) => (
            <a key={path} href={path} aria-current={place.path === path ? "page" : undefined}>
              {name}
            </a>
          ))}
          <a href="/docs" data-outside>
            API
          </a>
        </nav>
        <div class="own">
          <KeyDialog />
          <ThemeSwitch />
        </div>
      </header>
      <View place={place} />
    </div>
  );
}

const root = document.getElementById("page");
if (root) render(<Page />, root);
