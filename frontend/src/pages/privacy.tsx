// What attacks still find of what was forgotten: single samples by U-LiRA, whole forget sets by U-MIA.
import { type BoardSetting, type Catalog, getAttacks, getBoard, getCatalog, getResults } from "../api/client";
import { forgetOf, namesOf, placeOf, protocolIn } from "../board";
import { Code } from "../components/code";
import { Facet, Facets, ProtocolFacet } from "../components/facets";
import { MiaView } from "../components/mia-view";
import { Shown } from "../components/states";
import { StudyView } from "../components/study-view";
import { useLoaded } from "../loading";
import { counting } from "../methods";
import { chosenIn, methodOf, miaRows, studiesOf, studyTitle, subjectKey } from "../privacy";
import { go, type Place, withChoices } from "../router";
import { studySpecOf } from "../spec";

const REFRESH_SECONDS = 30;
const U_MIA = "u_mia";

export function PrivacyPage({ place }: { place: Place }) {
  const protocol = protocolIn(place.query);
  const catalog = useLoaded(getCatalog, "catalog");
  const filters = { protocol, metric: "indiscernibility", dataset: "", model: "", setting: "" } as const;
  const board = useLoaded(() => getBoard({ ...filters, cohort: "reference" }), protocol, REFRESH_SECONDS);
  const settings = board.data?.settings ?? [];
  const setting = place.query.get("setting") ?? settings[0]?.id ?? "";
  return (
    <main>
      <h1>What an attack still finds</h1>
      <p class="lead">
        A method that is close to retraining on average may still leave a trace of single samples. Attacks
        that have many models look for it, sample by sample; retrained models say what there is to find where
        nothing was left.
      </p>
      <Facets>
        <ProtocolFacet place={place} catalog={catalog.data} clears={["setting", "attack", "of"]} />
        <Facet
          name="Setting"
          isLong
          value={setting}
          options={settings.map((each) => [each.id, `${placeOf(each)}, ${forgetOf(each)}`])}
          onChoose={(value) => go(withChoices(place, { setting: value, attack: "", of: "" }))}
        />
      </Facets>
      <Shown what="the board" loaded={board}>
        {(data) =>
          setting === "" ? (
            <p class="empty">
              Nothing has been run under {data.protocol} yet. <a href="/jobs/new">Submit a job</a> to start.
            </p>
          ) : (
            <Shown what="the catalogue" loaded={catalog}>
              {(known) => (
                <Setting
                  key={setting}
                  id={setting}
                  setting={settings.find((each) => each.id === setting)}
                  protocol={data.protocol}
                  catalog={known}
                  place={place}
                />
              )}
            </Shown>
          )
        }
      </Shown>
    </main>
  );
}

interface SettingProps {
  id: string;
  setting: BoardSetting | undefined;
  protocol: string;
  catalog: Catalog;
  place: Place;
}

function Setting({ id, setting, protocol, catalog, place }: SettingProps) {
  const load = async () => {
    const [attacks, results] = await Promise.all([getAttacks(id), getResults({ setting: id })]);
    return { studies: studiesOf(attacks.items), results };
  };
  const found = useLoaded(load, id, REFRESH_SECONDS);
  const rules = catalog.protocols.find((each) => each.id === protocol);
  return (
    <Shown what="what the attacks found" loaded={found}>
      {({ studies, results }) => {
        const rows = miaRows(rules ? counting(results, rules) : []);
        const asked = place.query.get("attack");
        const study = asked === U_MIA ? undefined : (studies.find((each) => each.id === asked) ?? studies[0]);
        const chosen = study && chosenIn(study, place.query.get("of"));
        return (
          <>
            <Facets>
              <Facet
                name="Attack"
                isLong
                value={study?.id ?? U_MIA}
                options={[
                  ...studies.map((each) => [each.id, studyTitle(each, catalog)] as const),
                  [U_MIA, "U-MIA, on whole forget sets"],
                ]}
                onChoose={(attack) => go(withChoices(place, { attack, of: "" }))}
              />
              {study && chosen && (
                <Facet
                  name="Curves of"
                  value={subjectKey(chosen)}
                  options={study.attacks
                    .filter((attack) => !attack.is_calibration)
                    .map((attack) => [subjectKey(attack), namesOf(methodOf(attack), catalog).title])}
                  onChoose={(of) => go(withChoices(place, { of }))}
                />
              )}
            </Facets>
            {study ? (
              <StudyView study={study} chosen={chosen} studies={studies} mia={rows} catalog={catalog} />
            ) : (
              <MiaView
                rows={rows}
                setting={setting}
                studies={studies}
                catalog={catalog}
                protocol={protocol}
              />
            )}
            {studies.length === 0 && setting && <HowToAsk setting={setting} protocol={protocol} />}
          </>
        );
      }}
    </Shown>
  );
}

const HowToAsk = ({ setting, protocol }: { setting: BoardSetting; protocol: string }) => (
  <section>
    <h2>Nobody has attacked single samples here yet</h2>
    <p class="lead">
      It takes many models, so it is asked for: a job with this spec trains them, attacks the unlearners that
      it names, and fills this page. <code>lethe estimate</code> says before what it costs; fewer splits cost
      less and see less.
    </p>
    <Code title="Job spec with U-LiRA" text={studySpecOf(setting, protocol)} />
  </section>
);
