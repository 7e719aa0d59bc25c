import type { Operation } from '../link';
import autocompleteBox from './autocomplete-box.graphql?raw';
import autocompleteBoxVariables from './autocomplete-box.variables.json?raw';
import citePapers from './cite-papers.graphql?raw';
import citePapersVariables from './cite-papers.variables.json?raw';
import coauthorNetwork from './coauthor-network.graphql?raw';
import coauthorNetworkVariables from './coauthor-network.variables.json?raw';
import dataQuality from './data-quality.graphql?raw';
import dataQualityVariables from './data-quality.variables.json?raw';
import networkGraph from './network-graph.graphql?raw';
import networkGraphVariables from './network-graph.variables.json?raw';
import organizationPage from './organization-page.graphql?raw';
import organizationPageVariables from './organization-page.variables.json?raw';
import pathBetween from './path-between.graphql?raw';
import pathBetweenVariables from './path-between.variables.json?raw';
import peopleList from './people-list.graphql?raw';
import peopleListVariables from './people-list.variables.json?raw';
import profile from './profile.graphql?raw';
import profileVariables from './profile.variables.json?raw';
import resolveDois from './resolve-dois.graphql?raw';
import resolveDoisVariables from './resolve-dois.variables.json?raw';
import syncSince from './sync-since.graphql?raw';
import syncSinceVariables from './sync-since.variables.json?raw';
import topicPage from './topic-page.graphql?raw';
import topicPageVariables from './topic-page.variables.json?raw';
import twoLanguages from './two-languages.graphql?raw';
import twoLanguagesVariables from './two-languages.variables.json?raw';

/** The tabs on the first visit, in this order: the tasks of docs/cookbook.md. */
export const examples: Operation[] = [
  { query: profile, variables: profileVariables },
  { query: peopleList, variables: peopleListVariables },
  { query: topicPage, variables: topicPageVariables },
  { query: organizationPage, variables: organizationPageVariables },
  { query: coauthorNetwork, variables: coauthorNetworkVariables },
  { query: networkGraph, variables: networkGraphVariables },
  { query: autocompleteBox, variables: autocompleteBoxVariables },
  { query: resolveDois, variables: resolveDoisVariables },
  { query: syncSince, variables: syncSinceVariables },
  { query: pathBetween, variables: pathBetweenVariables },
  { query: twoLanguages, variables: twoLanguagesVariables },
  { query: citePapers, variables: citePapersVariables },
  { query: dataQuality, variables: dataQualityVariables },
];
